// Partitions: the tree by mouse and keyboard, one with all that is known of it, made, changed, destroyed and undefined, and
// what is refused; where a server stands, and the partition that backs a group.

import { allow, api, assert, axe, AXE, flow, focused, goto, instead, open, settled, step, until } from "./tools.mjs";

const listed = async () => (await api("GET", "/partitions")).partitions;
const named = async (path) => (await listed()).find((one) => one.path === path);

await flow(async () => {
  const page = await open({ user: "root", path: "#/partitions", scripts: [AXE] });
  allow(page, /status of 400/, /status of 409/, /status of 412/);
  const said = (text) => page.locator("hpm-notices").getByText(text);
  const row = (name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
  const button = (name) => page.getByRole("button", { name, exact: true });
  const dialog = page; // what stands in one is slotted, and no part of it; but there is one at a time
  const act = async (path, name) => {
    await button(`Actions of ${path}`).click();
    await page.getByRole("menuitem", { name }).click();
  };
  // of the notice that says so: those of earlier deeds may be there still, when the newest is not yet
  const undo = (text) => page.locator("hpm-notices").getByRole("listitem").filter({ hasText: text }).getByRole("button", { name: "Undo" }).last().click();
  const level = (name) => row(name).getAttribute("aria-level");

  await step("without one, the page says what they are for, and offers the first", async () => {
    await page.getByRole("heading", { name: "There is no partition yet" }).waitFor();
    assert.deepEqual(await axe(page), []);
    await button("Create the first partition").click();
  });

  await step("rules of names are said while one is typed, and nothing is sent until it is right", async () => {
    const name = dialog.getByLabel("Name", { exact: true });
    await name.fill("a-b");
    await dialog.getByText("systemd makes levels of its own of each").waitFor();
    assert.equal(await name.getAttribute("aria-invalid"), "true");
    await name.fill("../x");
    await dialog.getByText("One name at a time").waitFor();
    await name.fill("cpu");
    await dialog.getByText("The kernel has a controller of that name").waitFor();
    assert.deepEqual(await axe(page), []);
    await dialog.getByRole("button", { name: "Create", exact: true }).click();
    await dialog.getByRole("alert").waitFor();
    assert.equal((await listed()).length, 1);
    await name.fill("gold");
    await dialog.getByText("It will be /machine/gold.").waitFor();
  });

  await step("what the API refuses stands at its field", async () => {
    await dialog.getByLabel("Weight (shares)").fill("3000");
    await dialog.getByLabel("Cap (CPUs)").fill("1.5");
    await dialog.getByLabel("Reserve (CPUs)").fill("2");
    await dialog.getByRole("button", { name: "Create", exact: true }).click();
    await dialog.locator("#reserve-wrong").getByText("The cap of 1.5 CPUs is below the reserve of 2 CPUs.").waitFor();
    assert.equal(await named("/machine/gold"), undefined);
    await dialog.getByLabel("Reserve (CPUs)").fill("1");
    await dialog.getByRole("button", { name: "Create", exact: true }).click();
    await said("/machine/gold is created.").waitFor();
    const made = await named("/machine/gold");
    assert.deepEqual([made.state, made.config.cpu, made.reserve], ["active", { shares: 3000, "quota-us": 150000 }, 1]);
  });

  await step("the tree shows it, with what it uses of what it can have", async () => {
    await row("gold").getByRole("img", { name: /of|capped at 1\.50/ }).first().waitFor();
    assert.match(await row("gold").innerText(), /active[\s\S]*3,000 \(\d+\u00a0%\)[\s\S]*1\.50[\s\S]*1\.00/);
    for (const [path, more] of [
      ["/machine/gold/db", { create: true, parameters: { cpu: { shares: 500 } } }],
      ["/machine/gold/web", {}],
      ["/machine/trial", { persistent: false, create: true }],
    ]) await api("POST", "/partitions", { path, ...more });
    await row("trial").getByText("transient").waitFor();
    await row("web").getByText("defined").waitFor();
    assert.deepEqual([await level("machine"), await level("gold"), await level("db")], ["1", "2", "3"]);
    assert.equal(await page.getByRole("treegrid", { name: "Partitions of the host" }).count(), 1);
    assert.deepEqual(await axe(page), []);
  });

  await step("arrows go through the tree, fold and unfold; the address keeps what is folded", async () => {
    await row("machine").focus();
    await page.keyboard.press("ArrowDown");
    assert.match(await focused(page), /^tr [\s\S]*gold/);
    await page.keyboard.press("ArrowLeft");
    await row("db").waitFor({ state: "detached" });
    assert.equal(await row("gold").getAttribute("aria-expanded"), "false");
    await page.reload();
    await settled(page);
    assert.equal(await row("db").count(), 0);
    await row("gold").focus();
    await page.keyboard.press("ArrowRight");
    await row("db").waitFor();
    await page.keyboard.press("End");
    assert.match(await focused(page), /^tr [\s\S]*trial/);
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "/machine/gold/db", exact: true }).waitFor();
  });

  const value = (label) => page.getByRole("row", { name: new RegExp(`^${label}`) }).locator("td").allInnerTexts();

  await step("one shows whose limits hold, and what is configured beside what is in force", async () => {
    const most = page.locator("section").filter({ has: page.getByRole("heading", { name: "What it can have at most" }) });
    assert.match(await most.innerText(), /CPUs at most\s+1\.50\s+the limit of \/machine\/gold/);
    assert.deepEqual(await value("Weight \\(shares\\)"), ["500", "500"]);
    assert.deepEqual(await axe(page), []);
  });

  await step("what is changed live is drift, and is taken back", async () => {
    await button("Change CPU").click();
    await dialog.getByRole("radio", { name: /^What is in force/ }).check();
    await dialog.getByLabel("Weight (shares)").fill("700");
    await dialog.getByLabel("Cap (CPUs)").fill("0.5");
    assert.deepEqual(await axe(page), []);
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await said("/machine/gold/db is changed.").waitFor();
    await page.getByText("What is in force is not what is configured: cpu.shares.").waitFor();
    assert.deepEqual(await value("Weight \\(shares\\)"), ["500", "▲ 700"]);
    const now = await named("/machine/gold/db");
    assert.deepEqual([now.live.cpu["quota-us"], now.config.cpu["quota-us"]], [50000, undefined]);
    await undo("/machine/gold/db is changed.");
    await until(async () => (await named("/machine/gold/db")).live.cpu.shares, (shares) => shares === 500);
    assert.equal((await named("/machine/gold/db")).live.cpu["quota-us"], undefined);
    // the page says so later than the API: a menu opened in between has not what ends the next drift
    await page.getByText("What is in force is not what is configured").waitFor({ state: "hidden" });
  });

  await step("drift is ended by what is configured", async () => {
    const id = (await named("/machine/gold/db"))["object-id"];
    await api("POST", `/partitions/${id}/parameters/cpu?affect=live`, { shares: 900 });
    await page.getByText("What is in force is not what is configured: cpu.shares.").waitFor();
    await act("/machine/gold/db", "Put into force what is configured");
    await until(async () => (await named("/machine/gold/db")).live.cpu.shares, (shares) => shares === 500);
  });

  await step("both are changed at once, of disks, memory and CPUs, too", async () => {
    await button("Change Block I/O").click();
    await dialog.getByRole("button", { name: "Limit a disk" }).click();
    await dialog.getByLabel("Disk of the host").fill("8:0");
    await dialog.getByLabel("Read (MiB/s)").fill("10");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await page.locator(".wrong").getByText("This host has no disk 8:0").waitFor();
    await dialog.getByLabel("Disk of the host").fill("/dev/vda");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await until(async () => (await named("/machine/gold/db")).config.blkio?.devices?.[0]?.["read-bytes-sec"], (bytes) => bytes === 10 * 2 ** 20);
    await page.getByText("/dev/vda: reads 10.0\u00a0MiB/s").first().waitFor();
    await button("Change Memory").click();
    await dialog.getByLabel("Hard limit of memory (MiB)").fill("512");
    await dialog.getByLabel("Soft limit (MiB)").fill("600");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await dialog.locator("#soft-wrong").getByText("The soft limit of 600 MiB is above the hard limit of 512 MiB.").waitFor();
    await dialog.getByLabel("Soft limit (MiB)").fill("400");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await until(async () => (await named("/machine/gold/db")).live.memory, (memory) => memory?.["soft-limit-mib"] === 400);
    await button("Change CPUs and NUMA nodes it may be on").click();
    await dialog.getByLabel("CPUs", { exact: true }).fill("77");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await dialog.locator("#cpus-wrong").getByText("This host has no CPU 77").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  });

  await step("what stands in a partition keeps it, and the menu says so", async () => {
    await goto(page, "partitions");
    await button("Actions of /machine/gold").click();
    const destroy = page.getByRole("menuitem", { name: /^Destroy \/machine\/gold/ });
    assert.match(await destroy.innerText(), /Partitions stand in it; destroy these first/);
    await page.keyboard.press("Escape");
    await act("/machine/gold", /^Undefine/); // which others stand in: only the API knows all that speaks against it
    await said(/\/machine\/gold was not undefined\. .*stand in it; undefine these first/).waitFor();
    assert.equal((await named("/machine/gold")).persistent, true);
  });

  await step("one is created, destroyed, undefined, and each is taken back", async () => {
    await act("/machine/gold/web", "Create it now");
    await row("web").getByText("active").waitFor(); // its menu offers what can be done with it as it is shown
    await act("/machine/gold/web", /^Destroy/);
    await said("/machine/gold/web is destroyed; its definition stays.").waitFor();
    await undo("/machine/gold/web is destroyed");
    await until(async () => (await named("/machine/gold/web")).state === "active"); // the row may say so of before
    await row("web").getByText("active").waitFor();
    await act("/machine/gold/web", /^Undefine/);
    await row("web").getByText("transient").waitFor();
    await undo("/machine/gold/web is undefined");
    await until(async () => (await named("/machine/gold/web")).persistent);
    await act("/machine/trial", /^Destroy/);
    await row("trial").waitFor({ state: "detached" });
    await undo("/machine/trial is destroyed");
    await row("trial").getByText("transient").waitFor();
    await act("/machine/trial", "Define it, so that it is kept");
    await until(async () => (await named("/machine/trial")).persistent);
  });

  await step("description and reserve are changed on the page of one", async () => {
    await row("gold").getByRole("link", { name: "gold" }).click();
    await page.getByRole("heading", { name: "/machine/gold", exact: true }).waitFor();
    await act("/machine/gold", "Change description and reserve…");
    await dialog.getByLabel("Description").fill("What customers pay for");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("What customers pay for").waitFor();
    assert.deepEqual(await axe(page), []);
  });

  await step("what somebody else changed meanwhile is not overwritten unasked", async () => {
    const id = (await named("/machine/gold"))["object-id"];
    await button("Change CPU").click();
    await dialog.getByLabel("Weight (shares)").fill("2500");
    await api("POST", `/partitions/${id}/parameters/cpu`, { shares: 2000 });
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await dialog.getByText("Somebody else changed /machine/gold meanwhile.").first().waitFor();
    assert.equal((await named("/machine/gold")).live.cpu.shares, 2000);
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await until(async () => (await named("/machine/gold")).config.cpu.shares, (shares) => shares === 2500);
    assert.equal((await named("/machine/gold")).config.cpu["quota-us"], 150000);
  });

  /** Has the page told something else of partitions than hpm does; see `instead`. */
  const changed = (change) =>
    instead(page, "**/partitions", async (route) => {
      const answer = await route.fetch();
      const body = JSON.parse((await answer.body()).toString());
      await route.fulfill({ response: answer, json: { ...body, ...change(body) }, headers: { ...answer.headers(), etag: "" } });
    });

  await step("a weight that is hpm's is told to be, with the one before", async () => {
    const end = await changed(({ partitions }) => {
      const planned = (one) => (one.path === "/machine/gold" ? { ...one, "shares-planned": true, "shares-original": 1024 } : one);
      return { partitions: partitions.map(planned) };
    });
    await page.reload();
    await settled(page);
    await page.getByText("planned by hpm, by the goals of the servers in it; without hpm 1,024").waitFor();
    await end();
  });

  await step("what does not work on a host is said, and cannot be typed in; where nothing does, nothing is offered", async () => {
    const lacking = { blkio: "the controller io is not there", "memory.swap-limit-mib": "the kernel does not count swap" };
    let change = () => ({ lacking });
    const end = await changed((body) => change(body));
    await page.reload();
    await settled(page);
    await page.getByText("Not on this host: the kernel does not count swap").waitFor();
    await button("Change Memory").click();
    assert.equal(await dialog.getByLabel("Limit of memory and swap together (MiB)").isDisabled(), true);
    assert.equal(await dialog.getByLabel("Soft limit (MiB)").isDisabled(), false);
    await page.keyboard.press("Escape");
    change = ({ partitions }) => ({ partitions: partitions.slice(0, 1), how: "none: libvirt is not asked here" });
    await goto(page, "partitions");
    await page.reload();
    await settled(page);
    await page.getByText("This host has no partitions to make. none: libvirt is not asked here").waitFor();
    assert.equal(await page.locator("hpm-partitions").getByRole("button").count(), 0);
    await end();
  });

  await step("an import says what becomes of partitions", async () => {
    const file = await api("GET", "/workload-resource-groups/export?format=json");
    const partitions = [...file.partitions.filter((one) => one.path !== "/machine/trial"), { path: "/machine/imported", parameters: { cpu: { shares: 200 } } }];
    await goto(page, "policies");
    await button("Import…").click();
    const buffer = Buffer.from(JSON.stringify({ ...file, partitions }));
    await page.locator("hpm-policy-import input[type=file]").setInputFiles({ name: "host.json", mimeType: "application/json", buffer });
    await page.locator("hpm-imported").getByText("partition /machine/imported created").waitFor();
    await page.keyboard.press("Escape");
  });

  const { "virtual-servers": servers } = await api("GET", "/virtual-servers");
  const server = servers[0];

  await step("a server says where it stands, and where it will", async () => {
    await goto(page, `servers/${server["object-id"]}`);
    await page.locator("hpm-server").getByRole("link", { name: "/machine", exact: true }).waitFor();
    await button(`Actions of ${server.name}`).click();
    await page.getByRole("menuitem", { name: "Set its partition…" }).click();
    await dialog.getByText("It stands in /machine, and stays there while it runs.").waitFor();
    await dialog.getByLabel("At its next start").selectOption("/machine/gold");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await until(async () => (await api("GET", `/virtual-servers/${server["object-id"]}`))["partition-at-start"], (path) => path === "/machine/gold");
    await page.locator("hpm-server").getByRole("link", { name: "/machine/gold", exact: true }).waitFor();
    await page.getByText("said of itself").waitFor();
    assert.deepEqual(await axe(page), []);
  });

  await step("a group says which one backs it, and who does not stand there", async () => {
    const group = await api("POST", "/workload-resource-groups", { name: "Gold" });
    await api("POST", `/workload-resource-groups/${group["object-id"]}/actions`, { action: "add-virtual-servers", "virtual-servers": [server["object-id"]] });
    await goto(page, `groups/${group["object-id"]}`);
    await button("Set the partition that backs the group").click();
    await dialog.getByLabel("Partition", { exact: true }).selectOption("/machine/gold");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await page.locator("hpm-group-partition").getByText(`1 of its servers stands elsewhere: ${server.name}.`).waitFor();
    await page.locator("hpm-group-partition").getByRole("link", { name: "/machine/gold" }).click();
    await page.getByRole("heading", { name: "/machine/gold", exact: true }).waitFor();
    await page.locator("hpm-partitions").getByRole("link", { name: "Gold", exact: true }).waitFor();
    await button("Actions of /machine/gold").click();
    assert.match(await page.getByRole("menuitem", { name: /^Undefine/ }).innerText(), /A group is backed by it/);
    await page.keyboard.press("Escape");
  });

  await step("what a server's group says need not be said of itself, and is said at its field", async () => {
    const { "object-id": uuid, name } = servers[1];
    await api("POST", `/virtual-servers/${uuid}`, { "workload-resource-group": (await api("GET", "/workload-resource-groups"))["workload-resource-groups"].find((one) => one.name === "Gold")["object-id"] });
    await goto(page, `servers/${uuid}`);
    await page.locator("hpm-server").getByRole("link", { name: "/machine/gold", exact: true }).waitFor();
    await page.getByText("said of its group").waitFor();
    await button(`Actions of ${name}`).click();
    await page.getByRole("menuitem", { name: "Set its partition…" }).click();
    const field = dialog.getByLabel("At its next start");
    await until(() => field.evaluate((one) => one.selectedOptions[0].textContent), (text) => text === "as its group says: /machine/gold");
    await field.selectOption("/machine/gold"); // which holds when its group is backed by another one, too
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("said of itself").waitFor();
    await undo(`${name} is changed.`);
    await page.getByText("said of its group").waitFor();
    await button(`Actions of ${name}`).click();
    await page.getByRole("menuitem", { name: "Set its partition…" }).click();
    await field.selectOption("/machine/gold/db");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await until(async () => (await api("GET", `/virtual-servers/${uuid}`))["partition-at-start"], (path) => path === "/machine/gold/db");
    await undo(`${name} is changed.`);
    await until(async () => (await api("GET", `/virtual-servers/${uuid}`))["partition-at-start"], (path) => path === "/machine/gold");
  });

  await step("its servers are listed, and lead to their pages", async () => {
    await goto(page, `partitions/${(await named("/machine"))["object-id"]}`);
    const table = page.getByRole("grid", { name: "Virtual servers in /machine" }).or(page.getByRole("table", { name: "Virtual servers in /machine" }));
    await table.getByRole("link", { name: server.name, exact: true }).click();
    await page.getByRole("heading", { name: server.name, exact: true }).waitFor();
  });

  await step("who may only read sees all of it, and nothing that would change anything", async () => {
    const other = await open({ user: "bob", path: "#/partitions", scripts: [AXE], scheme: "dark", width: 400, locale: "de-DE" });
    await settled(other);
    await other.getByRole("link", { name: "gold", exact: true }).waitFor();
    assert.equal(await other.locator("hpm-partitions").getByRole("button", { name: /Partition erstellen|Aktionen/ }).count(), 0);
    assert.deepEqual(await axe(other), []);
    await goto(other, `partitions/${(await named("/machine/gold/db"))["object-id"]}`);
    await other.getByText("die Grenze von").first().waitFor();
    assert.equal(await other.locator("hpm-partitions").getByRole("button", { name: /ändern/ }).count(), 0);
    assert.deepEqual(await axe(other), []);
    assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page does not scroll sideways");
  });
});
