// Other programs that manage memory on the host: who they are and what comes of that; taking over from them, and back.

import { allow, api, assert, axe, AXE, flow, focused, goto, instead, open, step, until } from "./tools.mjs";

const rivals = () => api("GET", "/mom/rivals");
const level = async () => (await api("GET", "/mgmt-levels"))["memory-mgmt"];

/** So that it is not asked about that nobody has a policy. */
async function wishes() {
  const policy = { name: "rest", importance: "low", "service-classes": [{ name: "all", goal: { type: "discretionary" } }] };
  await api("POST", "/workload-resource-groups/default", { "perf-policies": [policy], "active-policy": "rest" });
}

await flow(async () => {
  await wishes();
  const page = await open({ user: "root", scripts: [AXE] });
  const shown = page.locator("hpm-memory-rivals");
  const card = (name) => page.locator("hpm-level[of=memory]").getByRole("radio", { name, exact: true });
  const notices = page.locator("hpm-notices");
  const dialog = (name) => page.getByRole("dialog", { name });
  const press = (name, where = shown) => where.getByRole("button", { name, exact: true }).click();

  await step("beside the switch stands who else manages memory, and what comes of that", async () => {
    for (const place of ["overview", "settings"]) {
      await goto(page, place);
      await shown.getByText("2 other programs manage memory here, too. Meanwhile memory management cannot be switched on.").waitFor();
      assert.deepEqual(await shown.getByRole("listitem").allInnerTexts(), [
        "momd (pid 4711, momd.service): hpm can take over from it.",
        "ksmtuned (pid 4712, ksmtuned.service): hpm can take over from it.",
      ]);
      assert.deepEqual(await axe(page), []);
    }
  });

  await step("to switch it on is refused, and says why", async () => {
    allow(page, /status of 409/);
    await card("On").click();
    await notices.getByText(/Momd \(pid 4711, momd\.service\), ksmtuned \(pid 4712, ksmtuned\.service\) manage memory here, too/).waitFor();
    assert.equal(await level(), "off");
  });

  await step("who takes over is told what will be stopped, what is left to do, and how to put it back", async () => {
    const vdsm = { name: "vdsmd", pid: 900, unit: "vdsmd.service", stoppable: false, advice: "VDSM is oVirt's: remove it there" };
    const end = await instead(page, "**/mom/rivals", async (route) => {
      const known = await rivals();
      await route.fulfill({ json: { ...known, rivals: [...known.rivals, vdsm] } });
    });
    await goto(page, "overview");
    await shown.getByText("3 other programs manage memory here, too.").waitFor();
    await press("Take over…");
    const asked = dialog("Take over from momd and ksmtuned?");
    await asked.waitFor();
    const said = await shown.locator("hpm-dialog").innerText();
    assert.match(said, /Will be stopped, and not start with the host:\s+momd \(pid 4711, momd\.service\)\s+ksmtuned/);
    assert.match(said, /Is left to you:\s+vdsmd \(pid 900, vdsmd\.service\): VDSM is oVirt's: remove it there\./);
    assert.match(said, /Only when nothing else manages memory can hpm do so\./);
    assert.match(said, /“Start again…” on this page puts it back, and so does the command hpm mom-import --undo/);
    assert.deepEqual(await axe(page), []);
    await page.keyboard.press("Escape");
    assert.match(await focused(page), /^button Take over…/);
    assert.deepEqual((await rivals()).stopped, []);
    await end();
  });

  await step("it is taken over, and put back from the message that says so", async () => {
    await press("Take over…");
    await press("Take over", dialog(/^Take over from/));
    await notices.getByText("Stopped: momd (momd.service) and ksmtuned (ksmtuned.service).").waitFor();
    await shown.getByText(/momd \(momd\.service\) was stopped .* by root, so that hpm can manage memory\./).waitFor();
    await until(async () => /^button Start again…/.test(await focused(page)));
    assert.deepEqual((await rivals()).rivals, []);
    assert.deepEqual(await axe(page), []);
    await press("Undo", notices);
    await shown.getByText("2 other programs manage memory here, too.").waitFor();
    assert.deepEqual((await rivals()).stopped, []);
  });

  await step("where somebody else took over meanwhile, nothing is asked any more", async () => {
    await press("Take over…");
    await dialog(/^Take over from/).waitFor();
    await api("POST", "/mom/takeover");
    await api("POST", "/mgmt-levels", { "memory-mgmt": "advise" }); // the pages look again with it
    await dialog(/^Take over from/).waitFor({ state: "detached" });
    await api("POST", "/mgmt-levels", { "memory-mgmt": "off" });
    await api("POST", "/mom/give-back");
    await goto(page, "settings");
    await goto(page, "overview");
  });

  await step("then memory management is switched on", async () => {
    await press("Take over…");
    await press("Take over", dialog(/^Take over from/));
    await until(async () => (await rivals()).stopped.length === 2);
    await card("On").click();
    await until(async () => (await level()) === "on");
  });

  await step("to start them again says that it will be off, and does both", async () => {
    await goto(page, "settings");
    await press("Start again…");
    const asked = dialog("Start momd and ksmtuned again?");
    await asked.waitFor();
    await shown.getByText("Memory management is on, and will be off.").waitFor();
    await shown.getByText("ksmtuned (ksmtuned.service), which starts with the host again, too").waitFor();
    assert.deepEqual(await axe(page), []);
    await press("Start again", asked);
    await notices.getByText("Started again: momd (momd.service) and ksmtuned (ksmtuned.service).").waitFor();
    await shown.getByText("2 other programs manage memory here, too.").waitFor();
    await until(async () => (await card("Off").getAttribute("aria-checked")) === "true");
    assert.deepEqual({ level: await level(), stopped: (await rivals()).stopped }, { level: "off", stopped: [] });
    await until(async () => /^button Take over…/.test(await focused(page)));
  });

  await step("who may only read sees them, in another language, and nothing to press", async () => {
    const other = await open({ user: "bob", scripts: [AXE], scheme: "dark", width: 400, locale: "de-DE" });
    for (const place of ["overview", "settings"]) {
      await goto(other, place);
      await other.getByText("Auch 2 andere Programme verwalten hier Speicher. Solange kann die Speicherverwaltung nicht eingeschaltet werden.").waitFor();
      assert.equal(await other.locator("hpm-memory-rivals").getByRole("button").count(), 0);
      assert.deepEqual(await axe(other), [], place);
      assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${place} scrolls sideways`);
    }
  });
});
