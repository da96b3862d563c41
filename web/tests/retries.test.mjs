// A receiver that fails twice, watched on the delivery's page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { heading, openWindow, signIn, startBrowser } from "./support/browser.mjs";
import { until } from "./support/data.mjs";
import { startReceiver } from "./support/receiver.mjs";
import { startServer } from "./support/server.mjs";

let server;
let receiver;
let browser;
/** Lets the receiver answer a request, by its number: each state is to be seen before the next. */
const answer = {};
before(async () => {
  const seen = [2, 3].map(
    (n) =>
      new Promise((resolve) => {
        answer[n] = resolve;
      }),
  );
  const answers = async (n) => {
    if (n > 1) await seen[n - 2];
    return n < 3
      ? { status: 500, body: '{"error":"the database is down"}' }
      : { status: 200, body: '{"ok":true}' };
  };
  [server, receiver, browser] = await Promise.all([
    startServer(),
    startReceiver(answers),
    startBrowser(),
  ]);
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), receiver?.stop()]);
});

test("a delivery is retried until it arrives", async () => {
  const { page, complaints } = await openWindow(browser);
  await signIn(page, server);
  const { id } = await server.call("POST", "/v1/webhooks", {
    title: "Failing",
    url: receiver.url,
    events: ["call.ended"],
    retry_delays_s: [0, 1, 1],
    // Of a request that waits until the page was looked at.
    timeout_ms: 30_000,
  });
  await server.publish("call.ended", { call_id: "call_1" });

  // A delivery is in the log once it was tried.
  await until(
    () => server.call("GET", `/v1/deliveries?webhook_id=${id}`),
    ({ data }) => data.length === 1,
  );

  await page.goto(`${server.url}/deliveries?webhook_id=${id}`);
  await page.getByRole("row").getByRole("link", { name: "call.ended" }).click();
  await page.getByRole("link", { name: "Open as a page" }).click();
  await heading(page, "call.ended");
  const main = page.getByRole("main");
  const attempts = page.getByRole("list", { name: "What happened" }).getByRole("button");
  // The next attempt may be on its way already: it stays there until it is answered.
  await main.getByText(/^(Retrying 1 of 3|Delivering)$/).waitFor();
  answer[2]();
  await attempts.filter({ hasText: /Attempt 2: .*500/ }).waitFor();
  await main.getByText(/^(Retrying 2 of 3|Delivering)$/).waitFor();
  answer[3]();
  await main.getByText("Delivered", { exact: true }).first().waitFor();

  await attempts.nth(2).waitFor();
  assert.equal(await attempts.count(), 3);
  for (const [n, short] of [/Attempt 1: .*500/, /Attempt 2: .*500/, /Attempt 3: .*200/].entries()) {
    assert.match(await attempts.nth(n).textContent(), short);
  }

  await attempts.nth(0).click();
  const attempt = page.getByRole("region", { name: "Attempt 1" });
  await attempt.getByText("Your server failed while it handled the event.").waitFor();
  await attempt.getByText(/Look into its log/).waitFor();
  await attempt.getByText("the database is down").waitFor();
  await attempts.nth(2).click();
  await page.getByRole("region", { name: "Attempt 3" }).getByText("Succeeded with 200").waitFor();
  assert.deepEqual(complaints, []);
});
