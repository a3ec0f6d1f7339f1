// Flows in Wok's page: `node flows.mjs NAME`, with HPM_FLOW as tests/wok/test_wok_pages.py sets it.

import { allow, ask, assert, at, axe, flow, group, logIn, open, tab, told } from "./tools.mjs";

const TABS = ["overview", "groups", "policies", "servers", "adjustments", "activity", "settings"];
const SECONDS = 1000;
const INTERVAL = 3 * SECONDS; // of the manager, by which pages look again

const flows = {
  /** Each tab shows its page, one after the other and again, from one script; what is not shown asks nothing. */
  async tabs() {
    const page = await open();
    await logIn(page, "admin");
    const scripts = [];
    const asked = [];
    page.on("request", (request) => {
      const path = new URL(request.url()).pathname;
      if (path.endsWith("/js/hpm.js")) scripts.push(path);
      if (/^\/plugins\/hpm\/(?!tabs|js|help)/.test(path)) asked.push(path);
    });
    for (const name of [...TABS, "overview", "groups"]) await tab(page, name);
    assert.equal(scripts.length, 1);
    assert.ok(asked.filter((path) => path.endsWith("/events")).length >= TABS.length);
    await page.click("#functionalTabPanel a.wokTab");
    await page.locator("hpm-app").waitFor({ state: "detached" });
    asked.length = 0;
    await page.waitForTimeout(INTERVAL + SECONDS);
    assert.deepEqual(asked, []);
    await tab(page, "servers");
    assert.ok(asked.some((path) => path.endsWith("/events")));
    assert.equal(scripts.length, 1);
  },

  /** A place has an address: links lead from tab to tab, the back button and loading again come to where one was. */
  async places() {
    const page = await open();
    await logIn(page, "admin");
    await tab(page, "overview");
    const id = await group(page, "Places & <b>");
    await page.evaluate(() => (window.loadedOnce = true));
    await page.locator("hpm-app").getByRole("link", { name: "Places & <b>" }).click();
    await at(page, { tab: "groups", id });
    const address = page.url();
    await page.goBack();
    await at(page, { tab: "overview" });
    await page.goForward();
    await at(page, { tab: "groups", id });
    assert.equal(await page.evaluate(() => window.loadedOnce), true, "Wok's page was loaded again");

    await page.reload();
    await at(page, { tab: "groups", id });
    // the tab that is shown leads to where it begins, and back again
    await page.click('#tabPanel a[href="plugins/hpm/tabs/groups.html"]');
    await at(page, { tab: "groups" });
    await page.goBack();
    await at(page, { tab: "groups", id });

    await page.evaluate(() => (window.loadedOnce = true));
    await page.click("#functionalTabPanel a.wokTab");
    await page.locator("hpm-app").waitFor({ state: "detached" });
    assert.ok(!page.url().includes("hpm="), page.url());
    await page.goBack();
    await at(page, { tab: "groups", id });
    assert.equal(page.url(), address);
    await tab(page, "servers");
    assert.ok(!page.url().includes("hpm="), page.url());
    await page.goBack();
    await at(page, { tab: "groups", id });
    assert.equal(await page.evaluate(() => window.loadedOnce), true, "Wok's page was loaded again");
    await tab(page, "settings");
    await page.locator("hpm-app").getByRole("link", { name: "About" }).click();
    await at(page, { tab: "settings", page: "about" });
    await page.goBack();
    await at(page, { tab: "settings" });
  },

  /** An address that was sent to a colleague leads there, also over Wok's login, at which Wok forgets the tab. */
  async colleague() {
    for (const user of ["admin", "user"]) {
      const page = await open({ path: "/wok-ui.html?hpm=%2Fgroups%2Fdefault#plugins/hpm/tabs/groups" });
      await logIn(page, user);
      // an administrator of Wok then sees a tab of Wok's own
      if (user === "admin") await page.click("#functionalTabPanel a.performanceTab");
      await at(page, { tab: "groups", id: "default" });
      await tab(page, "overview");
      await tab(page, "groups"); // it led there once
      await page.context().close();
    }
  },

  /** What is made elsewhere appears by itself, and what is done here is in Wok's log. */
  async live() {
    const page = await open();
    await logIn(page, "admin");
    await tab(page, "overview");
    const id = await group(page, "Live");
    await page.locator("hpm-app").getByRole("link", { name: "Live" }).waitFor();
    await ask(page, "DELETE", `/workload-resource-groups/${id}`);
    await page.locator("hpm-app").getByRole("link", { name: "Live" }).waitFor({ state: "detached" });
    const log = await page.evaluate(async () => (await fetch("logs?app=hpm", { headers: { Accept: "application/json" } })).json());
    assert.ok(log.records.some((one) => one.user === "admin" && one.message.includes("Live")), "not in Wok's log");
  },

  /** A group is made in the page's own dialog, with a server and a template; the overview then shows its goal. */
  async create() {
    const page = await open();
    await logIn(page, "admin");
    await tab(page, "groups");
    const app = page.locator("hpm-app");
    await app.getByRole("button", { name: "Create a group" }).click();
    await app.getByRole("textbox", { name: "Name", exact: true }).fill("Made in Wok");
    await app.getByRole("button", { name: "db1" }).click();
    await app.getByRole("radio", { name: /^Important database/ }).check();
    await app.getByRole("button", { name: "Create", exact: true }).click();
    await app.getByRole("link", { name: "Made in Wok" }).waitFor();
    await tab(page, "overview");
    await app.getByRole("link", { name: "Made in Wok" }).click();
    await page.waitForURL(/hpm=%2Fgroups%2F/);
    const { content } = await ask(page, "GET", "/workload-resource-groups");
    assert.equal(content["workload-resource-groups"].find((one) => one.name === "Made in Wok")["virtual-server-count"], 1);
  },

  /** A memory policy is written, tried, explained and in force, in its page beside the goals' policies; the overview tells. */
  async memory() {
    const page = await open({ path: "/wok-ui.html?hpm=%2Fmemory-policies#plugins/hpm/tabs/policies" });
    await logIn(page, "admin");
    await page.click("#functionalTabPanel a.performanceTab");
    const app = page.locator("hpm-app");
    const row = (name) => app.locator("hpm-memory-results").getByRole("row", { name: new RegExp(`^${name}`) });
    const code = app.getByRole("textbox", { name: "Text of the policy" });
    await at(page, { tab: "policies", page: "memory-policies" });
    await app.getByRole("link", { name: "Policies", exact: true }).click();
    await at(page, { tab: "policies" });
    await app.getByRole("link", { name: "Memory policies" }).click();
    await at(page, { tab: "policies", page: "memory-policies" });

    await app.getByRole("link", { name: "Create a memory policy" }).click();
    await app.getByLabel("Name", { exact: true }).fill("30-half");
    await code.fill('(with Guests guest\n    (guest.Control "balloon_target" (* 0.5 guest.balloon_max)))\n');
    await row("db1").getByText("balloon_target 4194304").waitFor();
    assert.deepEqual(await axe(page), []);
    await page.reload();
    await at(page, { tab: "policies", page: "memory-policies" });
    await app.getByRole("button", { name: "Create policy" }).click();
    await at(page, { tab: "policies", page: "memory-policies", id: "30-half" });

    await app.getByRole("link", { name: "Memory policies" }).first().click();
    await app.getByRole("radio", { name: /^Policies alone/ }).check();
    await app.getByText("What decides on memory: Policies alone.").waitFor();
    await row("db1").getByText("Why").click();
    assert.deepEqual(await axe(page), []);
    await row("db1").getByRole("link", { name: "30-half, line 2, column 6" }).click();
    await at(page, { tab: "policies", page: "memory-policies", id: "30-half" });
    await row("db1").waitFor();
    assert.equal(await code.evaluate((one) => one.getRootNode().activeElement === one && one.selectionStart), 24);

    await tab(page, "overview");
    await ask(page, "POST", "/mgmt-levels", { "memory-mgmt": "on" });
    await app.locator(".latest li").filter({ hasText: /By memory policies .* gave [\d.,]+\s[MG]iB/ }).first().waitFor();
    await app.getByRole("radiogroup", { name: "Memory management" }).getByRole("radio", { name: "Off", exact: true }).click();
    await app.getByRole("dialog", { name: "Stop managing memory?" }).getByRole("button", { name: "Switch off" }).click();
    await app.getByText("Memory management: Off.").waitFor();

    const other = await open({ path: "/wok-ui.html?hpm=%2Fmemory-policies%2F30-half#plugins/hpm/tabs/policies" });
    await logIn(other, "user");
    await at(other, { tab: "policies", page: "memory-policies", id: "30-half" });
    const text = other.locator("hpm-app").getByRole("textbox", { name: "Text of the policy" });
    assert.equal(await text.evaluate((one) => one.readOnly), true);
    assert.equal((await ask(other, "DELETE", "/mom/policies/30-half")).status, 403);
    allow("403");

    assert.equal((await ask(page, "DELETE", "/mom/policies/30-half")).status, 204);
    await ask(page, "POST", "/settings", { "memory-policy": "goals" });
  },

  /** A page that looks again does not keep a session alive; who clicks does. Wok's page knows how long it is. */
  async session() {
    const page = await open();
    await logIn(page, "admin");
    await tab(page, "overview");
    const reads = [];
    page.on("request", (request) => {
      if (/\/plugins\/hpm\/(?!tabs|js)/.test(request.url())) reads.push(request.headers()["wok-robot"] ?? "the user");
    });
    await page.waitForFunction(() => !navigator.userActivation.isActive);
    reads.length = 0;
    await page.waitForTimeout(INTERVAL + SECONDS);
    assert.ok(reads.length > 0 && reads.every((one) => one === "wok-robot"), reads.join(", "));
    const left = await page.evaluate(() => wok.session.remainingSessionTime);
    assert.ok(left > 0 && left < 599 * SECONDS, `${left} ms`);
    await page.locator("hpm-app").getByRole("link", { name: "default", exact: true }).click();
    await at(page, { tab: "groups", id: "default" });
    assert.ok(reads.includes("the user"));
    await page.waitForFunction(() => wok.session.remainingSessionTime > 598_000);

    // the session ends, here by another window's doing: Wok's login says so, and then shows what was shown
    await page.evaluate(() => fetch("logout", { method: "POST", headers: { Accept: "application/json" } }));
    // a stream that goes on is the last thing that ends: Wok has that end after 20 s
    await page.waitForURL(/login\.html\?error=sessionTimeout/, { timeout: 40 * SECONDS });
    allow("401");
    await page.locator("#errorArea").waitFor();
    await logIn(page, "admin");
    await at(page, { tab: "groups", id: "default" });
  },

  /** Our part of Wok's page is for everybody; of the rest Wok has to speak. */
  async accessible() {
    const page = await open();
    await logIn(page, "admin");
    for (const name of TABS) {
      await tab(page, name);
      assert.deepEqual(await axe(page), [], name);
    }
  },

  /** Wok's role user sees the same, and nothing that changes anything. */
  async reader() {
    const writing = {};
    for (const user of ["admin", "user"]) {
      const page = await open();
      await logIn(page, user);
      writing[user] = [];
      for (const name of TABS) {
        await tab(page, name);
        await page.waitForLoadState("networkidle", { timeout: 2 * SECONDS }).catch(() => {}); // events go on
        const found = page.locator(':is(hpm-app a[href*="do%3D"], hpm-app button.primary, hpm-app button.danger):visible');
        writing[user].push(...(await found.allInnerTexts()));
      }
      const { status } = await ask(page, "POST", "/workload-resource-groups", { name: "no" });
      assert.equal(status, user === "admin" ? 201 : 403);
      await page.context().close();
    }
    allow("403");
    assert.ok(writing.admin.includes("Create a group"), writing.admin.join());
    assert.deepEqual(writing.user, []);
  },

  /** The tabs speak the language that Wok speaks, and English where hpm knows no other. */
  async languages() {
    for (const [locale, title, lang] of [
      ["de-DE", "Überblick", "de-DE"], ["pt-BR", "Visão geral", "pt-BR"], ["fr-FR", "Vue d’ensemble", "fr-FR"],
      ["zh-TW", "概觀", "zh-TW"], ["en-US", "Overview", "en-US"], ["nl-NL", "Overview", "en"],
    ]) {
      const page = await open({ locale });
      await logIn(page, "user");
      await tab(page, "overview");
      const link = page.locator('#tabPanel a[href="plugins/hpm/tabs/overview.html"]');
      assert.equal(await link.textContent(), title);
      assert.equal(await page.locator("hpm-app").getAttribute("lang"), lang);
      await page.context().close();
    }
  },

  /** It looks as on our own pages whatever Bootstrap says, light as Wok is, and Wok looks as without us. */
  async look() {
    const page = await open({ scheme: "dark", width: 400 });
    await logIn(page, "user");
    const before = await page.evaluate(look);
    await page.evaluate(() => (location.hash = "plugins/hpm/tabs/overview"));
    await at(page, { tab: "overview" });
    assert.deepEqual(await page.evaluate(look), before);
    const app = await page.evaluate(() => {
      const style = getComputedStyle(document.querySelector("hpm-app"));
      const heading = document.querySelector("hpm-app").shadowRoot.querySelector("main > *").shadowRoot.querySelector("hpm-head");
      const h1 = getComputedStyle(heading.shadowRoot.querySelector("h1"));
      return [style.fontSize, style.lineHeight, style.backgroundColor, style.color, h1.fontSize, h1.marginTop];
    });
    assert.deepEqual(app, ["15px", "22.5px", "rgb(255, 255, 255)", "rgb(21, 21, 21)", "22px", "0px"]);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400);
  },
};

const look = () => {
  const said = ["html", "body", "#tabPanel a", "#main"].map((one) => {
    const style = getComputedStyle(document.querySelector(one));
    return [style.fontFamily, style.fontSize, style.color, style.backgroundColor, style.colorScheme];
  });
  return [said, document.styleSheets.length, document.adoptedStyleSheets.length];
};

assert.ok(told.url, "HPM_FLOW says no url");
await flow(flows[process.argv[2]]);
