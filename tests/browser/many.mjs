/**
 * Ten thousand virtual servers (`simulated:10000x2`, see program.py, interval 10 s): how soon the first rows are there,
 * whether any frame is long while rows are scrolled, searched and renewed, and what memory the page takes.
 *
 * `page` has logged in at `url`. MINUTES: for how long figures come in before the memory is looked at.
 */

import { readFile } from "node:fs/promises";

/** Ms from the answer to the rows, ms of a frame, and MiB. The first two at the speed of a machine that does little else. */
const BARS = { rows: 1000, frame: 100, memory: 150 };
/** Ms that `work` below takes on such a machine; one that takes longer has as much longer. */
const USUAL = 100;
const TURNS = 2_000_000;

export default async function flow({ page, url }) {
  await page.addInitScript(watchFrames);
  const slowness = Math.max(1, (await page.evaluate(work, TURNS)) / USUAL);
  const figures = { slowness: round(slowness) };
  await page.goto(`${url}/#/servers`);
  await page.reload();
  await page.waitForFunction(() => globalThis.watched.rows > 0, null, { timeout: 60_000 });
  figures.rows = await page.evaluate(firstRows);
  const table = page.locator("hpm-table");
  const search = page.getByRole("searchbox");
  await table.hover();
  figures.wheel = await frames(page, async () => {
    for (let turn = 0; turn < 80; turn++) await page.mouse.wheel(0, turn < 60 ? 900 : -1500);
  });
  figures.drag = await frames(page, () => page.evaluate(drag));
  figures.search = await frames(page, async () => {
    await search.click();
    for (const text of ["vm000-0123", "*7?1", "none"]) {
      await page.keyboard.type(text, { delay: 90 });
      for (let letter = 0; letter < text.length; letter++) await page.keyboard.press("Backspace", { delay: 40 });
    }
  });
  figures.sort = await frames(page, async () => {
    for (const name of ["PI", "PI", "Velocity", "Name", "Group"]) await page.getByRole("button", { name, exact: true }).click();
  });
  await table.hover();
  figures.renewed = await frames(page, async () => {
    const before = await page.evaluate(polls);
    const end = Date.now() + 60_000;
    while ((await page.evaluate(polls)) < before + 2 && Date.now() < end) await page.mouse.wheel(0, Math.random() < 0.7 ? 700 : -900);
    if ((await page.evaluate(polls)) < before + 2) throw new Error("figures did not come");
  });
  await page.waitForTimeout(60_000 * Number(process.env.MINUTES ?? 0.5));
  figures.memory = await memory(page);
  console.log(JSON.stringify(figures));
  check("the first rows", figures.rows.ms, BARS.rows * slowness, "ms");
  for (const name of ["wheel", "drag", "search", "sort", "renewed"]) check(`a frame (${name})`, figures[name].longest, BARS.frame * slowness, "ms");
  check("memory of the page", figures.memory.heap, BARS.memory, "MiB");
}

function check(what, figure, bar, unit) {
  if (!(figure <= bar)) throw new Error(`${what}: ${figure} ${unit}, more than ${Math.round(bar)}`);
}

const round = (value) => Math.round(10 * value) / 10;

/** What the page did while something was done: its longest frame, its long tasks, and how many frames there were. */
async function frames(page, doing) {
  await page.evaluate(() => Object.assign(globalThis.watched, { frames: [], tasks: [], last: 0 }));
  await doing();
  await page.waitForTimeout(200);
  return page.evaluate(() => {
    const { frames, tasks } = globalThis.watched;
    const sorted = [...frames].sort((one, other) => one - other);
    const at = (part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);
    return { frames: frames.length, median: at(0.5), p99: at(0.99), longest: at(1), tasks: tasks.map(Math.round) };
  });
}

/** MiB after the garbage is gone: of JavaScript, and where it can be known, of the whole process that shows the page. */
async function memory(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.enable");
  await cdp.send("HeapProfiler.collectGarbage");
  await cdp.send("Performance.enable");
  const { metrics } = await cdp.send("Performance.getMetrics");
  const of = (name) => metrics.find((one) => one.name === name).value;
  const found = { heap: round(of("JSHeapUsedSize") / 2 ** 20), nodes: of("Nodes") };
  const { processInfo } = await (await page.context().browser().newBrowserCDPSession()).send("SystemInfo.getProcessInfo");
  for (const { type, id } of processInfo) {
    if (type !== "renderer") continue;
    const text = await readFile(`/proc/${id}/smaps_rollup`, "utf8").catch(() => "");
    const kib = [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+)/gm)].reduce((sum, [, one]) => sum + Number(one), 0);
    if (kib) found.process = round(Math.max(found.process ?? 0, kib / 1024));
  }
  return found;
}

// -- in the page

function watchFrames() {
  const watched = (globalThis.watched = { frames: [], tasks: [], last: 0, rows: 0 });
  const lines = () => {
    const page = document.querySelector("hpm-app")?.shadowRoot?.querySelector("hpm-servers");
    return page?.shadowRoot?.querySelector("hpm-table")?.shadowRoot?.querySelector("tr[data-at]");
  };
  const frame = (now) => {
    if (watched.last) watched.frames.push(now - watched.last);
    watched.last = now;
    if (!watched.rows && lines()) requestAnimationFrame((shown) => (watched.rows ||= shown));
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => watched.tasks.push(...list.getEntries().map((one) => one.duration))).observe({ type: "longtask" });
}

function firstRows() {
  const [first] = performance.getEntriesByType("resource").filter((one) => one.name.includes("/virtual-servers/sync"));
  return { ms: Math.round(globalThis.watched.rows - first.responseEnd), since: Math.round(globalThis.watched.rows), bytes: first.encodedBodySize };
}

const polls = () => performance.getEntriesByType("resource").filter((one) => one.name.includes("/virtual-servers/sync")).length;

/** As the scroll bar does it that somebody drags: another place in each frame. */
async function drag() {
  const page = document.querySelector("hpm-app").shadowRoot.querySelector("hpm-servers");
  const box = page.shadowRoot.querySelector("hpm-table").shadowRoot.querySelector(".scroll");
  for (let at = 0; at < 150; at++) {
    await new Promise(requestAnimationFrame);
    box.scrollTop = (box.scrollHeight * (1 + Math.sin(at / 12))) / 2;
  }
}

/** Something to measure the machine by. */
function work(turns) {
  const begin = performance.now();
  let sum = 0;
  for (let turn = 0; turn < turns; turn++) sum += Math.sqrt(turn ^ (sum & 255));
  return sum > 0 ? performance.now() - begin : 0;
}
