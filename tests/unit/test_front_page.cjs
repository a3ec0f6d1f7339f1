// Uses the first page in a real browser, and prints as JSON what a user sees. Arguments: playwright-core, the browser,
// the page's URL, user and password. See test_front_page.py.

const [core, executablePath, url, user, password] = process.argv.slice(2);
const { chromium } = require(core);

const shown = (page, id) => page.locator(`#${id}:not([hidden])`).waitFor();
const text = async (page, id) => (await page.locator(`#${id}`).innerText()).replaceAll("\u00a0", " ");
const focus = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.name);

async function logIn(page, word) {
  await page.fill("input[name=user]", user);
  await page.fill("input[name=password]", word);
  await page.click("button[type=submit]");
}

/** The table's columns as they are seen, and whether the page is wider than the window. */
async function layout(page, width) {
  await page.setViewportSize({ width, height: 640 });
  return page.evaluate(() => ({
    columns: [...document.querySelectorAll("thead th")].filter((one) => one.offsetWidth).map((one) => one.innerText),
    cut: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  }));
}

async function use(page) {
  const seen = { errors: [] };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  await page.clock.install();
  await page.goto(url);
  await shown(page, "login");
  seen.atFirst = { errors: [...seen.errors], focus: await focus(page) };
  await logIn(page, "wrong");
  await shown(page, "message");
  seen.wrong = { message: await text(page, "message"), focus: await focus(page) };
  await logIn(page, password);
  await shown(page, "overview");
  const message = await page.locator("#message").textContent();
  seen.loggedIn = { focus: await focus(page), text: await text(page, "overview"), message };
  seen.wide = await layout(page, 1280);
  seen.narrow = await layout(page, 360);
  await page.reload();
  await shown(page, "overview");
  await page.route("**/wsapi/**", () => {}); // hpm hangs
  await page.clock.runFor(10_000);
  await shown(page, "message");
  seen.hanging = { message: await text(page, "message"), kind: await page.getAttribute("#overview", "class") };
  await page.unroute("**/wsapi/**");
  await page.clock.runFor(10_000);
  await page.locator("#message").waitFor({ state: "hidden" });
  seen.again = await page.getAttribute("#overview", "class");
  await page.click("#logout");
  await shown(page, "login");
  seen.loggedOut = { focus: await focus(page), overview: await page.isVisible("#overview") };
  return seen;
}

(async () => {
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    page.setDefaultTimeout(20_000);
    console.log(JSON.stringify(await use(page)));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
