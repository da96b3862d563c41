// What a browser has to load before it shows anything.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openWindow, settled, signIn, startBrowser } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";

const SCRIPT_BYTES_MAX = 250_000;

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the first view needs less than 250 kB of scripts", async (t) => {
  const { page, context } = await openWindow(browser);
  await signIn(page, server);
  const state = await context.storageState();
  await context.close();

  // As somebody with an empty cache.
  const fresh = await openWindow(browser, { storageState: state });
  const answers = [];
  fresh.page.on("response", (response) => answers.push(response));
  await fresh.page.goto(`${server.url}/setup/webhooks`);
  await settled(fresh.page);

  const scripts = answers.filter((answer) => answer.request().resourceType() === "script");
  assert.ok(scripts.length > 0);
  let bytes = 0;
  for (const script of scripts) {
    const headers = await script.allHeaders();
    const { responseBodySize } = await script.request().sizes();
    // The smallest would grow by it.
    if (responseBodySize > 500) assert.equal(headers["content-encoding"], "gzip", script.url());
    assert.match(headers["cache-control"], /immutable/, script.url());
    bytes += responseBodySize;
  }
  t.diagnostic(`${scripts.length} scripts, ${bytes} bytes`);
  assert.ok(bytes < SCRIPT_BYTES_MAX, `${bytes} bytes`);
  for (const answer of answers) {
    assert.equal(new URL(answer.url()).origin, server.url, "everything comes from the server");
  }
});
