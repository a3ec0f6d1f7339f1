/**
 * What all flows share. A flow is a script of its own:
 *
 *     import { flow, open, step } from "./tools.mjs";
 *     await flow(async () => {
 *       const page = await open({ user: "root" });
 *       await step("the heading has the focus", async () => { … });
 *     });
 *
 * It fails, with the step and a picture, where an assertion does; and at the end where the browser's console said
 * anything, a page asked another server, or a script failed in it. What is provoked, a flow allows (`allow`).
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../ui/package.json", import.meta.url));
const { chromium } = require("playwright-core");

/** What the test told: url, socket, browser, picture, and its own words. */
export const told = JSON.parse(process.env.HPM_FLOW ?? "{}");
export { assert };

const BASE = "/zhpm/wsapi/v1";
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
const PATIENCE = 20_000; // ms that anything may take to be seen, on the slowest machine
/** ms by which each answer comes late, at most, by chance: what depends on who answers first then fails. */
const LATE = Number(process.env.HPM_LATE ?? 0);

const watched = new Map(); // by page: what it should not have done, and what of that is allowed
let doing = "begin";
let browser;
let ending = false;

/** Runs a flow, and ends the process. */
export async function flow(run) {
  try {
    const root = process.getuid?.() === 0;
    browser = await chromium.launch({ executablePath: told.browser, args: root ? ["--no-sandbox"] : [] });
    await run();
    doing = "what the browser had to say";
    assert.deepEqual([...watched].flatMap(([page, seen]) => complaints(page, seen)), []);
  } catch (error) {
    console.log(`at: ${doing}\n${error.stack ?? error}`);
    for (const [page, seen] of watched) console.log(`${page.url()}: ${JSON.stringify(complaints(page, seen), null, 1)}`);
    const last = [...watched.keys()].filter((page) => !page.isClosed()).pop();
    await last?.screenshot({ path: told.picture }).catch((why) => console.log(`no picture: ${why.message}`));
    process.exitCode = 1;
  } finally {
    ending = true;
    await browser?.close();
    answers.close();
    process.stdin.destroy();
  }
}

/** Which browser it is. */
export const browserVersion = () => browser.version();

/** A step has a name, by which a failure is told. */
export async function step(name, run) {
  doing = name;
  return run();
}

const late = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `look` gives what is right, and gives that; a write and its event take a moment. */
export async function until(look, right = Boolean, seconds = 10) {
  const end = Date.now() + 1000 * seconds;
  for (;;) {
    const seen = await look();
    if (right(seen)) return seen;
    if (Date.now() > end) assert.fail(`it stays ${JSON.stringify(seen)}: ${look}, ${right}`);
    await late(100);
  }
}

/** A new page in a browser's profile of its own, before hpm's pages; `user` is logged in. `path`: of the pages. */
export async function open({ user, path = "#/overview", locale = "en-US", scheme = "light", width = 1280, height = 800, scripts = [] } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, viewport: { width, height }, colorScheme: scheme, locale, reducedMotion: "reduce",
  });
  context.setDefaultTimeout(PATIENCE);
  for (const content of scripts) await context.addInitScript({ content });
  const page = await context.newPage();
  watch(page);
  if (LATE) await instead(page, `**${BASE}/**`, (route) => late(LATE * Math.random()).then(() => route.fallback()));
  await page.goto(`${told.url}/${path}`);
  if (user) await logIn(page, user);
  return page;
}

export async function logIn(page, user, password = `${user}'s own`) {
  await page.fill("input[name=user]", user);
  await page.fill("input[name=password]", password);
  await page.click("hpm-login button[type=submit]");
  await page.locator("hpm-login").waitFor({ state: "detached" });
  await settled(page);
}

/** Goes to a place of the pages, such as `servers?sort=-pi`, as a link does. */
export async function goto(page, place) {
  await page.evaluate((hash) => (location.hash = hash), `#/${place}`);
  await settled(page);
}

/** Waits until a page is shown, and what it shows has been read. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const shown = document.querySelector("hpm-app")?.shadowRoot?.querySelector("main > *");
    const reads = (root) =>
      [...root.querySelectorAll("*")].some((one) => (one.localName === "hpm-skeleton" && one.checkVisibility()) || (one.shadowRoot && reads(one.shadowRoot)));
    return shown?.shadowRoot?.firstElementChild && shown.localName !== "hpm-skeleton" && !reads(shown.shadowRoot);
  });
}

/** Of the element that has the focus, wherever it is: its tag, and what it is called or says. */
export async function focused(page) {
  return page.evaluate(() => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    const label = one?.getAttribute("aria-label") ?? one?.getAttribute("name") ?? one?.textContent?.trim() ?? "";
    return `${one?.localName} ${label}`.trim();
  });
}

/** The names of all pages, as ui/src/base/pages.ts has them. */
export function pages() {
  const source = readFileSync(new URL("../../ui/src/base/pages.ts", import.meta.url), "utf8");
  const names = [...source.matchAll(/\{ name: "([\w-]+)"/g)].map((one) => one[1]);
  assert.ok(names.length > 5, "the pages are not found in their source");
  return names;
}

/** axe-core, for `open({ scripts: [AXE] })`: the pages' own Content-Security-Policy lets no script be added later. */
export const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** What is wrong with a page by WCAG 2.2 AA: a line for each rule, and where. */
export async function axe(page) {
  // A window of another size has tables of other columns a frame later; of what is gone by then nothing can be judged.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
  const { violations } = await page.evaluate(
    (values) => window.axe.run(document, {
      runOnly: { type: "tag", values }, rules: { "target-size": { enabled: true } }, resultTypes: ["violations"],
    }),
    TAGS,
  );
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target, failureSummary }) =>
    `${target.flat().join(" ")} (${failureSummary.replaceAll(/\s+/g, " ")})`).join("; ")}`);
}

/**
 * Has `answer(route)` answer what a page asks of these addresses, until what this gives is called: from then on, and
 * when all it began has been answered, hpm answers again. The route stays: one that is taken away while two requests
 * are under way leaves one of them without its answer, in Playwright 1.61.
 */
export async function instead(page, addresses, answer) {
  const under = new Set();
  let over = false;
  await page.route(addresses, async (route) => {
    if (over) return route.fallback();
    const done = Promise.resolve(answer(route)).catch((error) => {
      // whatever the page asks in its last moments is never answered
      if (!ending && !page.isClosed()) watched.get(page).said.push(`in hpm's stead: ${error.stack}`);
    });
    under.add(done);
    await done;
    under.delete(done);
  });
  return async () => {
    over = true;
    await Promise.all(under);
  };
}

/** Asks the manager itself, as who runs the tests. */
export function api(method, path, body) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
    const request = http.request({ socketPath: told.socket, method, path: BASE + path, headers }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("end", () => {
        const said = Buffer.concat(pieces).toString();
        if (answer.statusCode < 400) resolve(said ? JSON.parse(said) : null);
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${said}`));
      });
    });
    request.on("error", reject);
    request.end(text);
  });
}

const answers = createInterface({ input: process.stdin });
const lines = answers[Symbol.asyncIterator]();

/** Has the test do something with the host (`does` of `run_flow`); returns when it is done. */
export async function ask(what) {
  console.log(`ask\t${what}`);
  await lines.next();
}

/** Tells the test a figure. */
export function found(figures) {
  console.log(`found\t${JSON.stringify(figures)}`);
}

/** What a page may say in its console, because the flow provokes it. */
export function allow(page, ...patterns) {
  watched.get(page).allowed.push(...patterns);
}

function watch(page) {
  const seen = { said: [], allowed: [] };
  watched.set(page, seen);
  page.on("console", (one) => {
    if (["error", "warning", "assert"].includes(one.type())) seen.said.push(`${one.type()}: ${one.text()} ${one.location().url}`);
  });
  page.on("pageerror", (error) => seen.said.push(`failed: ${error.stack}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== told.url) seen.said.push(`asked ${url.origin}`);
  });
}

function complaints(page, { said, allowed }) {
  return said.filter((text) => !allowed.some((pattern) => pattern.test(text)));
}
