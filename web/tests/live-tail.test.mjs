// Deliveries that appear while one looks.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { heading, openWindow, signIn, startBrowser } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the live tail shows what comes, and holds while somebody is in the list", async () => {
  const { page, complaints } = await openWindow(browser);
  await signIn(page, server);
  await page.getByRole("link", { name: "Deliveries" }).click();
  await heading(page, "Deliveries");
  await page.evaluate(() => {
    window.isTheSamePage = true;
  });
  const rows = page.locator("main [data-row]");
  const shows = (count) =>
    page.waitForFunction(
      (wanted) => document.querySelectorAll("main [data-row]").length === wanted,
      count,
    );

  await page.getByRole("button", { name: "Live tail" }).click();
  await page.getByText("New deliveries appear at the top").waitFor();
  await server.publish("call.started", { call_id: "call_1" });
  await rows.filter({ hasText: "call.started" }).getByText("Delivered").waitFor();
  await server.publish("call.ended", { call_id: "call_1" });
  await rows.filter({ hasText: "call.ended" }).getByText("Delivered").waitFor();
  assert.match(await rows.first().textContent(), /call\.ended/);

  await rows.first().hover();
  await page.getByText("Held while you are in the list").waitFor();
  await server.publish("sms.sent", { message_id: "msg_1" });
  await server.publish("sms.sent", { message_id: "msg_2" });
  const waiting = page.getByRole("button", { name: "2 new" });
  await waiting.waitFor();
  await shows(2);
  await waiting.click();
  await shows(4);
  await page.getByText("New deliveries appear at the top").waitFor();
  assert.match(await rows.first().textContent(), /sms\.sent/);

  await page.getByRole("button", { name: "Live tail" }).click();
  assert.equal(new URL(page.url()).searchParams.get("live"), null);
  assert.equal(await page.evaluate(() => window.isTheSamePage), true);
  assert.deepEqual(complaints, []);
});
