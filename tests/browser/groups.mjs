// Workload resource groups, as an administrator makes, changes and deletes them, and as somebody sees them who may not.

import { allow, api, assert, axe, AXE, flow, goto, open, settled, step, until } from "./tools.mjs";

const GROUPS = "/workload-resource-groups";

const group = async (name) => (await api("GET", `${GROUPS}/detail`))["workload-resource-groups"].find((one) => one.name === name);
const serversOf = async (name) => {
  const [uris, all] = [(await group(name))["virtual-servers"], (await api("GET", "/virtual-servers"))["virtual-servers"]];
  return uris.map((uri) => all.find((one) => one["object-uri"] === uri).name);
};

await flow(async () => {
  const page = await open({ user: "root", path: "#/groups", scripts: [AXE] });
  const dialog = page.getByRole("dialog");
  // what stands between the tags of a dialog is no part of it in the DOM, but of the component around it
  const form = page.locator("hpm-group-dialog");
  const row = (name) => page.locator("hpm-groups hpm-table tbody tr", { hasText: name });
  const act = async (name, what) => {
    await row(name).getByRole("button", { name: `Actions of ${name}` }).click();
    await page.getByRole("menuitem", { name: what }).click();
    await dialog.waitFor();
  };

  await step("a host without groups says the first step", async () => {
    await page.getByText("No group has a policy yet").waitFor();
  });

  await step("a group is made of two servers and a template, and seen before it is there", async () => {
    await page.getByRole("button", { name: "Create a group" }).first().click();
    await form.getByRole("button", { name: "Create", exact: true }).click();
    await form.getByText("Give the group a name.").first().waitFor();
    await form.getByLabel("Name", { exact: true }).fill("Gold");
    await form.getByLabel("Search servers").fill("db");
    await form.getByRole("button", { name: "Add: db1", exact: true }).click();
    await form.getByRole("button", { name: "Add: db2", exact: true }).click();
    await form.getByRole("radio", { name: /^Important database/ }).check();
    const preview = form.getByRole("complementary", { name: "Preview" });
    await preview.getByText("2 servers", { exact: false }).first().waitFor();
    await preview.getByRole("cell", { name: "db1" }).waitFor();
    assert.equal(await group("Gold"), undefined);
    assert.deepEqual(await axe(page), []);
  });

  await step("what was typed is there after a reload", async () => {
    await page.reload();
    await settled(page);
    await page.getByText("You began to create the group Gold").waitFor();
    await page.getByRole("button", { name: "Go on" }).click();
    await form.getByRole("button", { name: "Take out: db2" }).waitFor();
    await form.getByRole("button", { name: "Create", exact: true }).click();
    await row("Gold").waitFor(); // its servers come a moment after the group
    await until(() => row("Gold").innerText(), (text) => /high[\s\S]*2[\s\S]*Important database/.test(text));
    assert.deepEqual(await serversOf("Gold"), ["db1", "db2"]);
    assert.equal(await page.getByText("You began to create").count(), 0);
  });

  await step("a server of another group is taken only if that is ticked", async () => {
    await page.getByRole("button", { name: "Create a group" }).click();
    await form.getByLabel("Name", { exact: true }).fill("Web");
    await form.getByLabel("Search servers").fill("db2");
    await form.getByRole("button", { name: "Add: db2 in Gold" }).waitFor();
    await page.keyboard.press("Enter");
    await form.getByRole("button", { name: "Create", exact: true }).click();
    await form.getByText("tick that they are taken from there").first().waitFor();
    assert.equal(await group("Web"), undefined);
    await form.getByRole("checkbox", { name: /Take 1 server from another group: Gold/ }).check();
    await form.getByRole("button", { name: "Create", exact: true }).click();
    await row("Web").waitFor();
    assert.deepEqual(await serversOf("Web"), ["db2"]);
  });

  await step("a save that fails half-way says what was done, and goes on", async () => {
    allow(page, /ERR_FAILED/);
    await page.route("**/actions", (route) => route.abort(), { times: 1 });
    await page.getByRole("button", { name: "Create a group" }).click();
    await form.getByLabel("Name", { exact: true }).fill("Half");
    await form.getByRole("button", { name: "Add: web1", exact: true }).click();
    await form.getByRole("button", { name: "Create", exact: true }).click();
    await form.getByText("Create the group: done").waitFor();
    await form.getByText("Add 1 server: not done").waitFor();
    assert.deepEqual(await serversOf("Half"), []);
    await form.getByRole("button", { name: "Try the rest again" }).click();
    await row("Half").waitFor();
    await dialog.waitFor({ state: "hidden" });
    assert.deepEqual(await serversOf("Half"), ["web1"]);
  });

  await step("a group is edited: another importance, another description", async () => {
    await act("Gold", "Edit…");
    await form.getByLabel("Description", { exact: true }).fill("Databases");
    await form.getByLabel("Importance", { exact: true }).selectOption("highest");
    await form.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "hidden" });
    const made = await group("Gold");
    assert.equal(made.description, "Databases");
    assert.equal(made["perf-policies"][0].importance, "highest");
  });

  await step("a copy that is begun leaves what was typed for a new group", async () => {
    const close = () => form.getByRole("button", { name: "Cancel" }).click();
    const begun = (name) => page.locator("hpm-groups .draft", { hasText: `You began to create the group ${name} ` });
    await page.getByRole("button", { name: "Create a group" }).click();
    await form.getByLabel("Name", { exact: true }).fill("Silver");
    await close();
    await act("Gold", "Duplicate…");
    assert.equal(await form.getByLabel("Name", { exact: true }).inputValue(), "Gold copy");
    await form.getByLabel("Name", { exact: true }).fill("Gold too");
    await close();
    await begun("Silver").waitFor();
    await begun("Gold too").getByRole("button", { name: "Go on" }).click();
    await form.getByText("This is what you typed before").waitFor();
    assert.equal(await form.getByLabel("Name", { exact: true }).inputValue(), "Gold too");
    await form.getByRole("button", { name: "Begin anew" }).click();
    assert.equal(await form.getByLabel("Name", { exact: true }).inputValue(), "Gold copy");
    await close();
    await begun("Gold too").waitFor({ state: "detached" });
    await begun("Silver").getByRole("button", { name: "Discard" }).click();
    await begun("Silver").waitFor({ state: "detached" });
  });

  await step("a menu that is open", async () => {
    await row("Gold").getByRole("button", { name: "Actions of Gold" }).click();
    await page.getByRole("menuitem", { name: "Edit…" }).waitFor();
    assert.deepEqual(await axe(page), []);
    await page.keyboard.press("Escape");
  });

  await step("another policy is activated, and taken back unless somebody else changed the group since", async () => {
    allow(page, /status of 412/);
    const [policy] = (await group("Gold"))["perf-policies"];
    const none = async () => {
      await act("Gold", "Activate another policy…");
      await page.locator("hpm-group-ask").getByRole("radio", { name: /^None/ }).check();
      await page.getByRole("button", { name: "Activate", exact: true }).click();
      await page.getByText("Gold has no active policy now;").last().waitFor();
      assert.equal((await group("Gold"))["active-policy"], null);
    };
    await none();
    await page.getByRole("button", { name: "Undo" }).last().click();
    await page.getByText("Policy Important database is active in Gold now.").waitFor();
    assert.equal((await group("Gold"))["active-policy"], policy.name);
    await none();
    await api("POST", `${GROUPS}/${(await group("Gold"))["object-id"]}`, { description: "theirs" });
    await page.getByRole("button", { name: "Undo" }).last().click();
    await page.locator("hpm-notices li", { hasText: "Not undone." }).getByRole("button", { name: "Dismiss" }).click();
    await api("POST", `${GROUPS}/${(await group("Gold"))["object-id"]}`, { description: "Databases", "active-policy": policy.name });
  });

  await step("a new policy that is renamed through the name of another leaves that as it is", async () => {
    const before = (await group("Gold"))["perf-policies"];
    await act("Gold", "Edit…");
    await form.getByRole("radio", { name: /^Batch/ }).check();
    const name = form.getByLabel("Policy name");
    await name.fill(before[0].name);
    await form.getByText("A policy of this group has that name already.").waitFor();
    await form.getByRole("button", { name: "Save" }).click();
    await form.getByRole("alert").waitFor();
    await name.fill(`${before[0].name} by night`);
    await form.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "hidden" });
    const { "perf-policies": after, "active-policy": active } = await group("Gold");
    assert.deepEqual(after.map((one) => [one.name, one.importance]), [[before[0].name, "highest"], [`${before[0].name} by night`, "low"]]);
    assert.equal(active, `${before[0].name} by night`);
    await api("POST", `${GROUPS}/${(await group("Gold"))["object-id"]}`, { "active-policy": before[0].name, "perf-policies": before });
  });

  await step("two who edit one group: the second is asked, and nothing is lost", async () => {
    allow(page, /status of 412/);
    const other = await open({ user: "ann", path: "#/groups" });
    await act("Gold", "Edit…");
    await form.getByLabel("Description", { exact: true }).fill("mine");
    await other.locator("hpm-groups hpm-table tbody tr", { hasText: "Gold" }).getByRole("button", { name: "Actions of Gold" }).click();
    await other.getByRole("menuitem", { name: "Edit…" }).click();
    await other.locator("hpm-group-dialog").getByLabel("Name", { exact: true }).fill("Golden");
    await other.locator("hpm-group-dialog").getByLabel("Description", { exact: true }).fill("theirs");
    await other.locator("hpm-group-dialog").getByRole("button", { name: "Save" }).click();
    await other.getByRole("dialog").waitFor({ state: "hidden" });
    await form.getByRole("button", { name: "Save" }).click();
    const question = page.getByRole("dialog", { name: "Somebody else changed group Gold" });
    await page.locator("hpm-merge").getByText("changed by both").waitFor();
    assert.match(await page.locator("hpm-merge table").innerText(), /Databases[\s\S]*mine[\s\S]*theirs/);
    assert.equal((await group("Golden")).description, "theirs");
    await page.getByRole("button", { name: "Take theirs" }).click();
    await question.waitFor({ state: "hidden" });
    assert.equal(await form.getByLabel("Description", { exact: true }).inputValue(), "theirs");
    assert.equal(await form.getByLabel("Name", { exact: true }).inputValue(), "Golden");
    await api("POST", `${GROUPS}/${(await group("Golden"))["object-id"]}`, { description: "theirs again" });
    await form.getByLabel("Description", { exact: true }).fill("mine again");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Take mine over theirs" }).click();
    await dialog.waitFor({ state: "hidden" });
    assert.equal((await group("Golden")).description, "mine again");
    await other.context().close();
  });

  await step("servers are moved by keyboard, and back", async () => {
    await goto(page, "groups?view=servers");
    assert.deepEqual(await axe(page), []);
    await page.getByRole("button", { name: "Move db1 to…" }).focus();
    await page.keyboard.press("Enter");
    await page.locator("hpm-group-ask").getByRole("radio", { name: /^Web/ }).check();
    await page.getByRole("button", { name: "Move", exact: true }).click();
    await page.getByText("db1 is in Web now.").waitFor();
    assert.deepEqual(await serversOf("Web"), ["db1", "db2"]);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Undone: they are where they were.").waitFor();
    assert.deepEqual(await serversOf("Golden"), ["db1"]);
  });

  await step("and by dragging", async () => {
    const board = (name) => page.locator("hpm-group-board section", { has: page.getByRole("heading", { name }) });
    await board("Golden").locator("li", { hasText: "db1" }).dragTo(board("Web"));
    await board("Web").locator("li", { hasText: "db1" }).waitFor();
    assert.deepEqual(await serversOf("Web"), ["db1", "db2"]);
  });

  await step("the page of a group shows its classes, which unfold, and its servers", async () => {
    await goto(page, `groups/${(await group("Golden"))["object-id"]}`);
    await page.getByText("No servers yet").waitFor();
    await api("POST", `${GROUPS}/${(await group("Golden"))["object-id"]}/actions`, {
      action: "add-virtual-servers", "virtual-servers": (await group("Web"))["virtual-servers"], move: true,
    });
    await page.locator("hpm-group hpm-table tbody tr", { hasText: "db1" }).waitFor();
    await page.locator("hpm-group-classes summary", { hasText: "all" }).click();
    await page.locator("hpm-group-classes a", { hasText: "db2" }).waitFor();
    assert.match(page.url(), /classes=all/);
    assert.match(await page.title(), /^Golden – /);
  });

  await step("who may only read has nothing to press that writes", async () => {
    const reader = await open({ user: "bob", path: "#/groups" });
    await reader.locator("hpm-groups hpm-table tbody tr", { hasText: "Golden" }).waitFor();
    assert.equal(await reader.getByRole("button", { name: "Create a group" }).count(), 0);
    assert.equal(await reader.locator("hpm-menu").count(), 0);
    await goto(reader, `groups/${(await group("Golden"))["object-id"]}`);
    await reader.getByRole("link", { name: "db1" }).first().waitFor();
    assert.equal(await reader.getByRole("button", { name: /^Edit|^Actions of Golden|^Move/ }).count(), 0);
    assert.equal(await reader.locator("hpm-group input[type=checkbox]").count(), 0);
    await goto(reader, "groups?view=servers");
    await reader.locator("hpm-group-board li").first().waitFor();
    assert.equal(await reader.getByRole("button", { name: /Move/ }).count(), 0);
    await reader.context().close();
  });

  await step("a group is deleted when its name has been typed", async () => {
    const deletion = page.locator("hpm-group-delete");
    await goto(page, "groups");
    await act("Golden", /^Delete group Golden; its 2 servers go to default/);
    await deletion.getByRole("button", { name: "Delete group Golden" }).click();
    await deletion.getByText("That is not its name").waitFor();
    assert.deepEqual(await axe(page), []);
    await deletion.getByLabel(/Type the name/).fill("Golden");
    await deletion.getByRole("button", { name: "Delete group Golden" }).click();
    await row("Golden").waitFor({ state: "detached" });
    assert.equal(await group("Golden"), undefined);
    assert.ok((await serversOf("default")).includes("db1"));
  });
});
