// Takes the pictures of docs/pages.md; see docs/screenshots.py.

import { join } from "node:path";
import { api, flow, goto, open, step, told } from "./tools.mjs";

const SIZE = { width: 1200, height: 760 };

await flow(async () => {
  const { "virtual-servers": servers } = await api("GET", "/virtual-servers");
  const { "workload-resource-groups": groups } = await api("GET", "/workload-resource-groups");
  const { partitions } = await api("GET", "/partitions");
  const shop = groups.find((one) => one.name === "Shop")["object-id"];
  const server = servers.find((one) => one.name === "db1")["object-id"];
  const { "dynamic-resource-adjustments": [latest] } = await api("GET", "/dynamic-resource-adjustments?limit=1&outcome=applied");
  const places = {
    overview: "overview",
    groups: "groups",
    group: `groups/${shop}`,
    policies: "policies",
    policy: `policies/${shop}?policy=weekday`,
    schedule: `policies/${shop}?tab=schedule`,
    "memory-policies": "memory-policies/20-balloon",
    servers: "servers?sort=-pi",
    server: `servers/${server}`,
    dependencies: "dependencies",
    partitions: "partitions",
    partition: `partitions/${partitions.find((one) => one.path === "/machine/shop")["object-id"]}`,
    adjustments: `adjustments/${latest["object-id"]}`,
    activity: "activity",
    settings: "settings",
    about: "about",
  };

  async function picture(page, name, place) {
    if (told.only.length > 0 && !told.only.includes(name)) return;
    await step(name, async () => {
      await goto(page, place);
      await page.screenshot({ path: join(told.folder, `${name}.png`) });
    });
  }

  const page = await open({ user: "root", ...SIZE });
  for (const [name, place] of Object.entries(places)) await picture(page, name, place);
  const dark = await open({ user: "root", scheme: "dark", ...SIZE });
  await picture(dark, "overview-dark", "overview");
  const narrow = await open({ user: "root", width: 400, height: 760 });
  await picture(narrow, "overview-narrow", "overview");
});
