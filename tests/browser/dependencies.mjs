// Who needs whom: drawn, walked through by keyboard, and as a table; what is started and stopped in that order, with its
// progress, and cancelled.

import { allow, api, assert, axe, AXE, flow, focused, goto, instead, open, settled, step, until } from "./tools.mjs";

await flow(async () => {
  const page = await open({ user: "root", path: "#/dependencies", scripts: [AXE] });
  allow(page, /status of 409/);
  const { "virtual-servers": servers } = await api("GET", "/virtual-servers");
  const id = (name) => servers.find((one) => one.name === name)["object-id"];
  const says = (name, start) => api("POST", `/virtual-servers/${id(name)}/guest-policy`, { start });
  const needs = (name, ...others) =>
    says(name, { "depends-on": others.map(([other, when = "warn"]) => ({ "virtual-server": id(other), "when-it-stops": when })) });
  const drawn = (name) => page.locator("hpm-dependency-graph svg a").filter({ has: page.locator(`text:text-is("${name}")`) });
  const left = async (name) => (await drawn(name).boundingBox()).x;
  const about = page.locator("hpm-dependency-graph .about");
  const row = (name) => page.locator("hpm-table").getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
  const job = page.locator("hpm-start-job");

  await step("without any, the page says what they would be, and leads on", async () => {
    await page.getByRole("heading", { name: "No server needs another one" }).waitFor();
    await page.getByRole("link", { name: "To the virtual servers" }).waitFor();
    assert.deepEqual(await axe(page), []);
  });

  await step("what is needed stands left of what needs it, and the table says the same", async () => {
    await needs("web1", ["db1", "stop"], ["db2"]);
    await needs("web2", ["web1", "ignore"], ["db1"]);
    await says("db1", { ready: { type: "running", seconds: 3600 } });
    await drawn("web2").waitFor();
    await page.getByText("4 servers need others, or others need them. 1 is not ready.").waitFor();
    assert.ok((await left("db1")) < (await left("web1")) && (await left("web1")) < (await left("web2")));
    assert.equal(await left("db1"), await left("db2"));
    assert.equal(await page.locator(".scroll path.edge.stop").count(), 1);
    assert.match(await row("web1").innerText(), /ready[\s\S]*db1: stops with it and db2: runs on, with a warning[\s\S]*web2/);
    assert.match(await row("db1").innerText(), /not ready yet[\s\S]*it has been running for \d+ of 3600 s/);
    assert.deepEqual(await axe(page), []);
  });

  await step("no box covers another, and no arrow a box that it does not belong to", async () => {
    const boxes = await page.locator("hpm-dependency-graph .box").evaluateAll((all) => all.map((one) => one.getBBox()).map(({ x, y, width, height }) => ({ x, y, width, height })));
    for (const [at, one] of boxes.entries()) {
      for (const other of boxes.slice(at + 1)) {
        assert.ok(one.x + one.width < other.x || other.x + other.width < one.x || one.y + one.height < other.y || other.y + other.height < one.y);
      }
    }
    const covered = await page.locator("hpm-dependency-graph .scroll svg").evaluate((picture) =>
      [...picture.querySelectorAll("path.edge")].flatMap((path) =>
        Array.from({ length: 200 }, (_, at) => path.getPointAtLength((path.getTotalLength() * at) / 200)).filter((point) =>
          [...picture.querySelectorAll(".box")].map((box) => box.getBBox()).some(
            (box) => point.x > box.x + 1 && point.x < box.x + box.width - 1 && point.y > box.y + 1 && point.y < box.y + box.height - 1),
        ),
      ).length,
    );
    assert.equal(covered, 0);
  });

  await step("arrows go along the dependencies, and say why a server waits; Enter leads to it", async () => {
    await drawn("web2").focus();
    await about.getByText("It needs db1 (runs on, with a warning) and web1 (runs on).").waitFor();
    await page.keyboard.press("ArrowLeft");
    assert.match(await focused(page), /^a (db1|web1)/);
    await page.keyboard.press("Home");
    assert.match(await focused(page), /^a db\d/);
    await drawn("db1").focus();
    await about.getByText(/^db1 ◐ not ready yet\. It has been running for \d+ of 3600 s\.$/).waitFor();
    await about.getByText("It is needed by web1 and web2.").waitFor();
    assert.equal(await page.locator("path.edge.near").count(), 2);
    assert.equal(await page.locator('hpm-dependency-graph svg a[tabindex="0"]').count(), 1);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "db1", exact: true }).waitFor();
    await page.goBack();
    await settled(page);
  });

  await step("one is drawn with what it is connected with; the address keeps it", async () => {
    await needs("batch1", ["test1"]);
    await drawn("test1").waitFor();
    await row("web1").getByRole("button", { name: "Actions of web1" }).click();
    await page.getByRole("menuitem", { name: "Draw only what it is connected with" }).click();
    await page.getByText("Only web1, and what it is connected with.").waitFor();
    assert.equal(await drawn("test1").count(), 0);
    assert.equal(await drawn("db2").count(), 1);
    await page.reload();
    await settled(page);
    assert.equal(await drawn("test1").count(), 0);
    await page.getByRole("button", { name: "Draw all" }).click();
    await drawn("test1").waitFor();
  });

  await step("a stop in the order of dependencies is seen, and what came of it", async () => {
    await api("POST", `/virtual-servers/${id("db1")}/actions`, { action: "stop", dependants: "stop", force: true });
    await job.getByRole("heading", { name: "Stop of db1 done" }).waitFor();
    await job.getByRole("button", { name: "Show all of its 3 servers" }).click();
    await job.getByText("web2: stopped").waitFor();
    await until(async () => (await row("db1").innerText()).includes("shut off"));
  });

  await step("a start that waits tells who waits for what, and is cancelled", async () => {
    await api("POST", `/virtual-servers/${id("web2")}/actions`, { action: "start" });
    const running = job.filter({ hasText: "Start of web2" });
    await running.getByRole("progressbar", { name: "Start of web2" }).waitFor();
    await running.getByText(/web1: Waits for db1 \(it has been running for \d+ of 3600 s\)\./).waitFor();
    await running.getByText("0 of 3", { exact: true }).waitFor();
    assert.deepEqual(await axe(page), []);
    const other = await open({ user: "bob", path: "#/dependencies", scripts: [AXE], scheme: "dark", width: 400, locale: "de-DE" });
    await other.getByRole("progressbar", { name: "Start von web2" }).waitFor();
    assert.equal(await other.getByRole("button", { name: /Abbrechen/ }).count(), 0);
    assert.deepEqual(await axe(other), []);
    assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page does not scroll sideways");
    await other.context().close();
    await running.getByRole("button", { name: "Cancel: Start of web2" }).click();
    await page.locator("hpm-notices").getByText("Start of web2: cancelled.").waitFor();
    await running.getByRole("heading", { name: "Start of web2 cancelled" }).waitFor();
    assert.equal(await running.getByRole("progressbar").count(), 0);
  });

  await step("what hpm noticed of starts by itself stands in the activity log, with the server", async () => {
    await api("POST", `/virtual-servers/${id("db1")}/actions`, { action: "stop", dependants: "stop", force: true });
    await until(async () => !(await api("POST", "/hooks/qemu", { "virtual-server": id("web1") })).start);
    await goto(page, "activity?user=hpm");
    await page.locator("hpm-activity .fold", { hasText: "Kept libvirt from starting a server" }).first().click();
    await page.locator("hpm-activity dd").getByText("hpm itself").waitFor();
    assert.equal(await page.locator("hpm-activity dt").getByText("Request", { exact: true }).count(), 0);
    assert.deepEqual(await axe(page), []);
    await page.locator("hpm-activity dd").getByRole("link", { name: "To its page" }).click();
    await page.getByRole("heading", { name: "web1", exact: true }).waitFor();
  });

  await step("more than can be drawn stand in the table, and one of them is drawn", async () => {
    const many = Array.from({ length: 100 }, (_, n) => ({
      "object-id": `m${n}`, "object-uri": `/zhpm/wsapi/v1/virtual-servers/m${n}`, name: `many${n}`, status: "running", ready: true, reason: null,
    }));
    const dependencies = many.slice(1, 60).map((one, n) => ({ "virtual-server": one["object-uri"], needs: many[n]["object-uri"], "when-it-stops": "stop" }));
    const end = await instead(page, "**/dependencies", (route) => route.fulfill({ json: { "virtual-servers": many, dependencies, cycle: ["many1", "many2", "gone", "many1"] } }));
    await goto(page, "dependencies?sort=name");
    await page.getByText("There are too many to be drawn at once.").waitFor();
    const circle = page.locator(".note", { hasText: "These wait for each other for ever: many1 → many2 → gone → many1. hpm starts none of them" });
    assert.deepEqual(await circle.getByRole("link").allTextContents(), ["many1", "many2", "many1", "When it was noticed"]);
    assert.deepEqual(await axe(page), []);
    await row("many3").getByRole("button", { name: "Actions of many3" }).click();
    await page.getByRole("menuitem", { name: "Draw only what it is connected with" }).click();
    await drawn("many59").waitFor();
    assert.ok((await left("many3")) < (await left("many4")));
    await end();
  });
});
