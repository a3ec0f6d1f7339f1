// What is shown follows what happens on the host: by events, or by asking each interval where no events come.

import { allow, api, assert, flow, open, settled, step, told } from "./tools.mjs";

await flow(async () => {
  const page = await open({});
  if (!told.events) {
    allow(page, /ERR_FAILED/);
    await page.route("**/events*", (route) => route.abort());
  }
  const streams = [];
  page.on("request", (request) => /\/events/.test(request.url()) && streams.push(request));
  await page.fill("input[name=user]", "root");
  await page.fill("input[name=password]", "root's own");
  await page.keyboard.press("Enter");
  await page.locator("hpm-login").waitFor({ state: "detached" });
  await settled(page);

  await step("what somebody else made appears by itself", async () => {
    await api("POST", "/workload-resource-groups", { name: told.name });
    await page.getByText(told.name).first().waitFor({ timeout: 10_000 });
  });
  await step("and what is no more goes", async () => {
    const { "workload-resource-groups": groups } = await api("GET", "/workload-resource-groups");
    const { "object-id": id } = groups.find(({ name }) => name === told.name);
    await api("DELETE", `/workload-resource-groups/${id}`);
    await page.getByText(told.name).first().waitFor({ state: "detached", timeout: 10_000 });
  });
  await step("hpm is not said to be away: it answers", async () => {
    assert.equal(await page.getByText("hpm does not answer").count(), 0);
    assert.ok(streams.length > 0);
  });
});
