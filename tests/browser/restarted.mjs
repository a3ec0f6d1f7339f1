// hpm ends and comes back while somebody looks: the page says so, heals, and is where it was.

import { allow, api, ask, assert, flow, logIn, open, step } from "./tools.mjs";

await flow(async () => {
  const page = await open({ user: "root", path: "#/overview?look=again" });
  allow(page, /ERR_CONNECTION_REFUSED|ERR_CONNECTION_CLOSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED/);

  await step("while hpm is away the page says so, and goes on showing what it knows", async () => {
    await ask("stop");
    await page.getByText("hpm does not answer").waitFor();
    assert.ok(await page.locator("hpm-group-card").count() > 0);
  });

  await step("when hpm is back it asks to log in again: sessions end with hpm", async () => {
    allow(page, /status of 401/);
    await ask("start");
    await page.locator("hpm-login").waitFor();
    assert.match(await page.locator("hpm-login [role=alert]").textContent(), /session has ended/);
  });

  await step("and is where it was, with fresh figures", async () => {
    await logIn(page, "root");
    assert.equal(new URL(page.url()).hash, "#/overview?look=again");
    assert.equal(await page.getByText("hpm does not answer").count(), 0);
    await api("POST", "/workload-resource-groups", { name: "Afterwards" });
    await page.getByText("Afterwards").first().waitFor();
  });
});
