/**
 * Ten thousand virtual servers (`simulated:10000x2`, see program.py): how soon the first rows are there, how long the page
 * is busy at a time while rows are scrolled, searched, sorted and renewed, and what memory it takes. A frame cannot be
 * longer than the longest task but for other programs that have the CPU: so tasks are held to the bar, by their CPU time,
 * and frames are told beside it.
 */

import { readFile } from "node:fs/promises";
import { found, flow, goto, open, step, told } from "./tools.mjs";

/** Ms from the answer to the rows, ms of CPU of a task, MiB. The first two at the speed of a machine that does little else. */
const BARS = { rows: 1000, task: 100, memory: 150 };
/** Ms that `work` below takes on such a machine; one that takes longer has as much longer. */
const USUAL = 100;
const TURNS = 2_000_000;

await flow(async () => {
  const page = await open({ user: "root", path: "#/about", scripts: [`(${watchFrames})()`] });
  const slowness = Math.max(1, (await page.evaluate(work, TURNS)) / USUAL);
  const figures = { slowness: round(slowness) };
  const table = page.locator("hpm-table");
  const busy = async (name, doing) => {
    figures[name] = await step(name, () => busyDuring(page, doing));
  };

  await busy("first", async () => {
    await page.evaluate(() => (globalThis.watched.rows = 0));
    await goto(page, "servers");
    await page.waitForFunction(() => globalThis.watched.rows > 0);
  });
  figures.rows = await page.evaluate(firstRows);
  await table.hover();
  await busy("wheel", async () => {
    for (let turn = 0; turn < 80; turn++) await page.mouse.wheel(0, turn < 60 ? 900 : -1500);
  });
  await busy("drag", () => page.evaluate(drag));
  await busy("search", async () => {
    await page.getByRole("searchbox").click();
    for (const text of ["vm000-0123", "*7?1", "none"]) {
      await page.keyboard.type(text, { delay: 90 });
      for (let letter = 0; letter < text.length; letter++) await page.keyboard.press("Backspace", { delay: 40 });
    }
  });
  await busy("sort", async () => {
    for (const name of ["PI", "PI", "Velocity", "Name", "Group"]) await table.getByRole("button", { name, exact: true }).click();
  });
  await table.hover();
  await busy("renewed", async () => {
    const before = await page.evaluate(polls);
    const end = Date.now() + 60_000;
    while ((await page.evaluate(polls)) < before + 2 && Date.now() < end) await page.mouse.wheel(0, Math.random() < 0.7 ? 700 : -900);
    if ((await page.evaluate(polls)) < before + 2) throw new Error("no new figures came");
  });
  await page.waitForTimeout(1000 * (told.seconds ?? 20));
  figures.memory = await memory(page);
  found(figures);
  check("the first rows", figures.rows.ms, BARS.rows * slowness, "ms");
  for (const name of ["first", "wheel", "drag", "search", "sort", "renewed"]) check(`a task (${name})`, figures[name].task, BARS.task * slowness, "ms");
  check("memory of the page", figures.memory.heap, BARS.memory, "MiB");
});

function check(what, figure, bar, unit) {
  if (!(figure <= bar)) throw new Error(`${what}: ${figure} ${unit}, more than ${Math.round(bar)}`);
}

function round(value) {
  return Math.round(10 * value) / 10;
}

/** Of the page while something is done: CPU of its longest task and of all, and its frames as they are seen, in ms. */
async function busyDuring(page, doing) {
  const browser = page.context().browser();
  await browser.startTracing(page, { categories: ["toplevel"] });
  await page.evaluate(() => Object.assign(globalThis.watched, { frames: [], last: 0 }));
  await doing();
  await page.waitForTimeout(200);
  const frames = await page.evaluate(() => globalThis.watched.frames.sort((one, other) => one - other));
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const main = new Set(traceEvents.filter((one) => one.args?.name === "CrRendererMain").map((one) => `${one.pid} ${one.tid}`));
  const tasks = traceEvents.filter((one) => one.tdur && /RunTask$/.test(one.name) && main.has(`${one.pid} ${one.tid}`));
  const times = tasks.map((one) => one.tdur / 1000);
  if (times.length === 0) throw new Error("the browser tells no tasks");
  const at = (part) => Math.round(frames[Math.min(frames.length - 1, Math.floor(frames.length * part))]);
  return {
    task: Math.round(Math.max(...times)), cpu: Math.round(times.reduce((sum, one) => sum + one, 0)),
    frames: frames.length, median: at(0.5), longest: at(1),
  };
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
  const watched = (globalThis.watched = { frames: [], last: 0, rows: 0 });
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
}

function firstRows() {
  const [first] = performance.getEntriesByType("resource").filter((one) => one.name.includes("/virtual-servers/sync"));
  return { ms: Math.round(globalThis.watched.rows - first.responseEnd), bytes: first.encodedBodySize };
}

function polls() {
  return performance.getEntriesByType("resource").filter((one) => one.name.includes("/virtual-servers/sync")).length;
}

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
