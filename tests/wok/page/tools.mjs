/**
 * What flows in Wok's page share: a browser, Wok's libraries, logging in, and where one is.
 *
 * A flow fails where an assertion does; and in the end where something of ours failed in the page or said anything in
 * the console. Wok's own troubles are left to Wok (its web socket needs its proxy; it asks whether tabs have help pages).
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(new URL("../../../ui/package.json", import.meta.url));
const { chromium } = require("playwright-core");

/** Wok's address, the browser's program, and where a picture goes when a flow fails. */
export const told = JSON.parse(process.env.HPM_FLOW ?? "{}");
export { assert };

const PATIENCE = 60_000; // ms that anything may take to be seen, on the slowest machine

/** What Wok's page loads from public servers, by the end of its address; the rest is of no account to its tabs. */
const LIBRARIES = {
  "jquery/3.2.1/jquery.min.js": "jquery/dist/jquery.min.js",
  "jqueryui/1.12.1/jquery-ui.min.js": "jquery-ui-dist/jquery-ui.min.js",
  "jqueryui/1.12.1/themes/base/jquery-ui.min.css": "jquery-ui-dist/jquery-ui.min.css",
  "twitter-bootstrap/3.3.7/js/bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
  "bootstrap-select/1.12.4/js/bootstrap-select.min.js": "bootstrap-select/dist/js/bootstrap-select.min.js",
  "bootstrap-select/1.12.4/css/bootstrap-select.min.css": "bootstrap-select/dist/css/bootstrap-select.min.css",
  "moment.js/2.18.1/moment.min.js": "moment/min/moment.min.js",
  "1.10.12/js/jquery.dataTables.min.js": "datatables.net/js/jquery.dataTables.js",
};
const OURS = "/plugins/hpm/";
const WOKS = /\/plugins\/hpm\/(help\/|config$)/; // asked for by Wok, of every plugin

const complaints = [];
let browser;
let page;

/** Runs a flow, and ends the process. */
export async function flow(run) {
  try {
    const root = process.getuid?.() === 0;
    browser = await chromium.launch({ executablePath: told.browser, args: root ? ["--no-sandbox"] : [] });
    await run();
    assert.deepEqual(complaints, []);
  } catch (error) {
    console.log(`${error.stack ?? error}\nat ${page?.url()}\n${complaints.join("\n")}`);
    await page?.screenshot({ path: told.picture }).catch((why) => console.log(`no picture: ${why.message}`));
    process.exitCode = 1;
  } finally {
    await browser?.close();
  }
}

/** A page in a browser's profile of its own; it shows what Wok shows at `path`, perhaps its login. */
export async function open({ path = "/", locale = "en-US", scheme = "light", width = 1280 } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, locale });
  context.setDefaultTimeout(PATIENCE);
  await context.route(/^https:/, (route) => {
    const end = Object.keys(LIBRARIES).find((one) => route.request().url().endsWith(one));
    if (!end) return route.abort();
    return route.fulfill({ path: fileURLToPath(new URL(`node_modules/${LIBRARIES[end]}`, import.meta.url)) });
  });
  await context.addInitScript({ content: readFileSync(require.resolve("axe-core/axe.min.js"), "utf8") });
  page = await context.newPage();
  page.on("pageerror", (error) => {
    if (error.stack?.includes(OURS)) complaints.push(`script: ${error.stack}`);
  });
  page.on("console", (message) => {
    const from = message.location().url;
    if (from.includes(OURS) && !WOKS.test(from)) complaints.push(`${message.type()}: ${message.text()} ${from}`);
  });
  await page.goto(told.url + path);
  return page;
}

/** Logs in where Wok asks for it, and waits for its tabs: Wok itself shows that one of two which comes last. */
export async function logIn(page, user) {
  await page.fill("#username", user);
  await page.fill("#password", "secret");
  await page.click("#btn-login");
  await page.locator('#tabPanel a[href^="plugins/hpm/"]').first().waitFor({ state: "attached" });
  await page.locator("#main > *").first().waitFor({ state: "attached" });
}

/** What is wrong with our part of Wok's page by WCAG 2.2 AA: a line for each rule. */
export async function axe(page) {
  await page.waitForLoadState("networkidle", { timeout: 2000 }).catch(() => {}); // events go on
  const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
  const { violations } = await page.evaluate(
    (values) => window.axe.run("hpm-app", { runOnly: { type: "tag", values }, rules: { "target-size": { enabled: true } } }), values,
  );
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.flat().join(" ")).join("; ")}`);
}

/** A provoked complaint is expected. */
export function allow(words) {
  const others = complaints.filter((one) => !one.includes(words));
  assert.ok(others.length < complaints.length, `nobody complains of ${words}: ${complaints}`);
  complaints.splice(0, Infinity, ...others);
}

/** Opens one of our tabs as a user does. */
export async function tab(page, name) {
  const link = page.locator(`#tabPanel a[href="plugins/hpm/tabs/${name}.html"]`);
  if (!(await link.isVisible())) await page.click("#functionalTabPanel a.performanceTab");
  await link.click();
  await at(page, { tab: name });
}

/** Waits until Wok shows the tab, and the tab the page (left out: the tab's own) of the thing (left out: of none). */
export async function at(page, { tab, id = "", page: name = id ? tab.replace(/s$/, "") : tab }) {
  try {
    await page.waitForFunction(look, { tab, name, id });
  } catch {
    assert.deepEqual(await page.evaluate(seen), { tab, page: `hpm-${name}`, id, tabs: 1, hash: tab });
  }
}

const look = ({ tab, name, id }) => {
  const apps = document.querySelectorAll("hpm-app");
  const shown = apps[0]?.shadowRoot?.querySelector("main > *");
  return (
    apps.length === 1 && apps[0].getAttribute("tab") === tab && location.hash === `#plugins/hpm/tabs/${tab}` &&
    shown?.localName === `hpm-${name}` && shown.place?.id === id && shown.shadowRoot?.childElementCount > 0 &&
    document.querySelector(`#tabPanel li.active a`)?.getAttribute("href") === `plugins/hpm/tabs/${tab}.html`
  );
};

const seen = () => {
  const apps = document.querySelectorAll("hpm-app");
  const shown = apps[0]?.shadowRoot?.querySelector("main > *");
  const hash = location.hash.split("/").at(-1);
  return { tab: apps[0]?.getAttribute("tab"), page: shown?.localName, id: shown?.place?.id, tabs: apps.length, hash };
};

/** Has a script in Wok's page ask hpm's API; gives status and content. */
export function ask(page, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const headers = { "X-Requested-With": "XMLHttpRequest", Accept: "application/json", "Content-Type": "application/json" };
      const answer = await fetch(`plugins/hpm${path}`, { method, headers, body: body && JSON.stringify(body) });
      return { status: answer.status, content: answer.status === 204 ? null : await answer.json() };
    },
    [method, path, body],
  );
}

/** A group with a goal for its servers; gives its id. */
export async function group(page, name) {
  const policy = { name: "day", importance: "high", "service-classes": [{ name: "all", goal: { type: "velocity", velocity: "fast" } }] };
  const { status, content } = await ask(page, "POST", "/workload-resource-groups", {
    name, "perf-policies": [policy], "active-policy": "day",
  });
  assert.equal(status, 201, JSON.stringify(content));
  return content["object-id"];
}
