// What is done by keyboard everywhere: the skip link, help, search, going from page to page, the focus in all of it.

import { assert, flow, focused, goto, open, pages, settled, step } from "./tools.mjs";

await flow(async () => {
  const page = await open({ user: "root" });

  await step("the first stop skips the navigation", async () => {
    await page.reload();
    await settled(page);
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "a Skip to content");
    await page.keyboard.press("Enter");
    assert.match(await focused(page), /^h1 /);
  });

  await step("each page is reached by its link, and has the focus and a heading then", async () => {
    await goto(page, pages().at(-1));
    const links = page.locator("nav a");
    assert.equal(await links.count(), pages().length);
    for (const [number, name] of pages().entries()) {
      await links.nth(number).focus();
      await page.keyboard.press("Enter");
      await page.waitForFunction((hash) => location.hash.startsWith(hash), `#/${name}`);
      await settled(page);
      await page.waitForFunction(() => {
        let one = document.activeElement;
        while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
        return one?.localName === "h1";
      });
      assert.equal(await page.locator("nav a[aria-current=page]").textContent(), await links.nth(number).textContent());
      assert.equal(await page.locator("h1").count(), 1, name);
    }
  });

  await step("? shows the help, Esc closes it, and the focus comes back", async () => {
    await goto(page, "about");
    await page.locator("nav a").first().focus();
    const before = await focused(page);
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Help" });
    await help.waitFor();
    await page.getByText("search on this page").waitFor();
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "hidden" });
    assert.equal(await focused(page), before);
    await page.keyboard.press("?");
    await help.waitFor();
    await page.goBack();
    await help.waitFor({ state: "hidden" });
  });

  await step("/ moves to the search of the page, where ? and / are typed", async () => {
    await goto(page, "servers");
    await page.keyboard.press("/");
    await page.waitForFunction(() => {
      let one = document.activeElement;
      while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
      return one?.matches("input[type=search]");
    });
    await page.keyboard.type("a?/");
    assert.equal(await page.getByRole("dialog").count(), 0);
    await page.waitForURL((url) => decodeURIComponent(url.hash).includes("a?/"));
  });
});
