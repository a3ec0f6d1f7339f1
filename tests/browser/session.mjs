// Logging in and out, what happens when a session is over, and where the focus is meanwhile.

import { allow, api, assert, flow, focused, goto, instead, logIn, open, settled, step } from "./tools.mjs";

const REFUSED = /status of 401/;

await flow(async () => {
  const page = await open({ path: "#/overview?look=again" });

  await step("who comes is asked who it is, and can type at once", async () => {
    await page.locator("hpm-login").waitFor();
    assert.equal(await focused(page), "input user");
    assert.equal(await page.getAttribute("input[name=password]", "type"), "password");
  });

  await step("a wrong password is refused with the reason", async () => {
    allow(page, REFUSED);
    await page.fill("input[name=user]", "root");
    await page.fill("input[name=password]", "guessed");
    await page.keyboard.press("Enter");
    assert.match(await page.locator("hpm-login [role=alert]").textContent(), /^Not logged in\. .+\.$/);
    assert.equal(await page.inputValue("input[name=password]"), "");
    assert.equal(await page.inputValue("input[name=user]"), "root");
    assert.equal(await focused(page), "input password");
  });

  await step("after logging in the page that was asked for is there, with the focus at its heading", async () => {
    await logIn(page, "root");
    assert.equal(new URL(page.url()).hash, "#/overview?look=again");
    assert.match(await focused(page), /^h1 .+/);
    assert.match(await page.title(), /^Overview – /);
  });

  await step("the session outlives a reload", async () => {
    await page.reload();
    await settled(page);
    assert.equal(await page.locator("hpm-login").count(), 0);
    assert.equal(new URL(page.url()).hash, "#/overview?look=again");
  });

  await step("a session that is over asks to log in again, and comes back to the same place", async () => {
    await page.context().clearCookies();
    await page.locator("hpm-login").waitFor();
    assert.match(await page.locator("hpm-login [role=alert]").textContent(), /session has ended/);
    assert.equal(await focused(page), "input user");
    await logIn(page, "bob");
    assert.equal(new URL(page.url()).hash, "#/overview?look=again");
    assert.match(await page.locator("header.mast").textContent(), /bob.*read-only/s);
  });

  await step("who is refused as the page opens can log in, though another answer does not come", async () => {
    let answer;
    const held = new Promise((resolve) => (answer = resolve));
    const refused = new Set(["/login", "/version"]); // the first time
    const end = await instead(page, /\/wsapi\/v1\/(login|version)$/, async (route) => {
      const what = /\/\w+$/.exec(route.request().url())[0];
      if (route.request().method() !== "GET" || !refused.delete(what)) return route.fallback();
      if (what === "/version") await held;
      await route.fulfill({ status: 401, json: { message: "log in first" } });
    });
    await page.reload();
    await page.locator("hpm-login").waitFor();
    await logIn(page, "bob");
    answer(); // about the session before, which nobody waits for any more
    await end();
    await goto(page, "about");
    await goto(page, "overview?look=again");
    assert.equal(await page.locator("hpm-login").count(), 0);
  });

  await step("back and forward go through the places", async () => {
    await goto(page, "groups");
    await page.goBack();
    await settled(page);
    assert.equal(new URL(page.url()).hash, "#/overview?look=again");
    await page.goForward();
    await settled(page);
    assert.match(await page.title(), /^Workload resource groups – /);
  });

  await step("logging out ends the session for all of its pages", async () => {
    await goto(page, "overview");
    const other = await page.context().newPage();
    await other.goto(page.url());
    await settled(other);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.locator("hpm-login").waitFor();
    assert.equal(await page.locator("hpm-login [role=alert]").count(), 0);
    await other.locator("hpm-login").waitFor();
    await other.close();
    await page.reload();
    await page.locator("hpm-login").waitFor();
  });

  await step("the activity log tells it all", async () => {
    const { "activity-log": entries } = await api("GET", "/activity-log");
    const told = entries.map(({ user, summary, outcome }) => `${user}: ${summary}, ${outcome}`).reverse();
    assert.deepEqual(told, ["root: Log in, refused", "root: Log in, done", "bob: Log in, done", "bob: Log in, done", "bob: Log out, done"]);
  });
});
