// The dashboard without a pointer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { heading, openWindow, signIn, startBrowser } from "./support/browser.mjs";
import { until } from "./support/data.mjs";
import { startServer } from "./support/server.mjs";

let server;
let browser;
let page;
let complaints;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  ({ page, complaints } = await openWindow(browser));
  await signIn(page, server);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const press = (keys) =>
  keys
    .split(" ")
    .reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());

test("g and a letter goes to a place", async () => {
  for (const [keys, name] of [
    ["g d", "Deliveries"],
    ["g m", "Metrics"],
    ["g e", "Event types"],
    ["g p", "Powerlists"],
    ["g w", "Webhooks"],
  ]) {
    await press(keys);
    await heading(page, name);
  }
});

test("Ctrl K finds places, webhooks and ids", async () => {
  await press("Control+k");
  const field = page.getByPlaceholder("Go to a page, a webhook or an id");
  await field.fill("metr");
  await press("Enter");
  await heading(page, "Metrics");

  await press("Control+k");
  await field.fill("test inbox");
  await page.getByText("Webhooks", { exact: true }).last().waitFor();
  await press("Enter");
  await heading(page, "Test inbox");

  const { id } = await server.publish("call.ended", { call_id: "call_1" });
  await press("Control+k");
  await field.fill(id);
  await page.getByText(`Go to ${id}`).waitFor();
  await press("Enter");
  await page.waitForURL(`**/events/${id}`);

  await press("Control+k");
  await field.waitFor();
  await press("Escape");
  await field.waitFor({ state: "hidden" });
});

test("? shows the shortcuts of the page", async () => {
  await press("g w");
  await heading(page, "Webhooks");
  await press("Shift+?");
  const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await sheet.getByText("Add a webhook").waitFor();
  await press("Escape");
  await sheet.waitFor({ state: "hidden" });
});

test("j, k and Enter go through the log, Esc closes a delivery", async () => {
  for (const call of ["call_2", "call_3"]) await server.publish("call.ended", { call_id: call });
  await until(
    () => server.call("GET", "/v1/deliveries"),
    ({ data }) => data.length === 3,
  );
  await press("g d");
  await heading(page, "Deliveries");
  const rows = page.locator("main [data-row]");
  await rows.nth(2).waitFor();
  const focused = () => page.evaluate(() => document.activeElement.dataset.row);
  const ids = await rows.evaluateAll((all) => all.map((row) => row.dataset.row));

  await press("j");
  assert.equal(await focused(), ids[0]);
  await press("j j k");
  assert.equal(await focused(), ids[1]);
  await press("Enter");
  const panel = page.getByRole("complementary");
  await panel.getByText(ids[1]).first().waitFor();
  assert.equal(new URL(page.url()).searchParams.get("selected"), ids[1]);
  await press("Escape");
  await panel.waitFor({ state: "detached" });
});

test("n adds, / searches, and letters typed in a field are text", async () => {
  await press("g w");
  await heading(page, "Webhooks");
  await press("/");
  const search = page.getByLabel("Search webhooks");
  await page.keyboard.type("gdn?");
  assert.equal(await search.inputValue(), "gdn?");
  await page.waitForURL(/\?q=/);
  await search.fill("");
  await search.blur();
  await press("n");
  await heading(page, "Add webhook");
});

test("the first Tab leads past the navigation", async () => {
  await page.goto(`${server.url}/setup/webhooks`);
  await heading(page, "Webhooks");
  await press("Tab");
  const skip = page.getByRole("button", { name: "Skip to content" });
  assert.ok(await skip.evaluate((button) => button === document.activeElement));
  await press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
});

test("nothing was complained of", () => assert.deepEqual(complaints, []));
