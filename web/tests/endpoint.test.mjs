// What people do on a webhook's page: its secret, and the way from a chart to the deliveries.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { heading, openWindow, signIn, startBrowser } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";

let server;
let browser;
let webhook;
let page;
let complaints;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  webhook = await server.call("POST", "/v1/webhooks", {
    title: "CRM Integration",
    url: `${server.url}/inbox/receive/crm`,
    events: ["call.*"],
  });
  ({ page, complaints } = await openWindow(browser));
  await signIn(page, server);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a secret is revealed, and rotated with a countdown of the overlap", async () => {
  await page.goto(`${server.url}/setup/webhooks/${webhook.id}`);
  await heading(page, "CRM Integration");
  const secret = page.getByTestId("signing-secret");
  const secrets = () => server.call("GET", `/v1/webhooks/${webhook.id}/secret`);

  assert.match(await secret.textContent(), /^whsec_•+$/);
  await page.getByRole("button", { name: "Reveal signing secret" }).click();
  await secret.filter({ hasText: webhook.secret }).waitFor();

  await page.getByRole("button", { name: "Rotate" }).click();
  const dialog = page.getByRole("dialog", { name: "Rotate the signing secret?" });
  await dialog.getByRole("combobox", { name: "Overlap" }).click();
  await page.getByRole("option", { name: "1 hour" }).click();
  await dialog.getByRole("button", { name: "Rotate" }).click();
  const countdown = page.getByRole("timer");
  await countdown.filter({ hasText: /^The previous secret also signs for (1 h|59 min)/ }).waitFor();
  const rotated = await secrets();
  assert.notEqual(rotated.secret, webhook.secret);
  assert.equal(rotated.previous.secret, webhook.secret);
  await secret.filter({ hasText: rotated.secret }).waitFor();
  const shown = await countdown.textContent();
  await page.waitForFunction(
    (before) => document.querySelector("[role=timer]").textContent !== before,
    shown,
  );

  await page.getByRole("button", { name: "Hide signing secret" }).click();
  await secret.filter({ hasText: /^whsec_•+$/ }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a click into a chart shows the deliveries behind it", async () => {
  await server.publish("call.ended", { call_id: "call_1" });
  await page.goto(`${server.url}/metrics?range=1h&webhook=${webhook.id}`);
  await heading(page, "Metrics");
  const chart = page.locator(".u-over").first();
  const { width, height } = await chart.boundingBox();
  await chart.click({ position: { x: width - 2, y: height - 10 } });
  await heading(page, "Deliveries");
  const chosen = new URL(page.url()).searchParams;
  const [since, until] = ["since", "until"].map((name) => Date.parse(chosen.get(name)));
  assert.ok(since < Date.now() && until > since, page.url());
  await page.locator("main [data-row]").filter({ hasText: "call.ended" }).first().waitFor();
  assert.deepEqual(complaints, []);
});
