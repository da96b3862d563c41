// How long somebody who has just started the server takes to a verified delivery.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { heading, openWindow, startBrowser } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";

const INTERACTIONS_MAX = 12;

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

/** Runs `story` on a new server, with a person whose doings are counted. */
async function measured(t, story) {
  const started = performance.now();
  const server = await startServer();
  try {
    const { page, complaints } = await openWindow(browser);
    let interactions = 0;
    const person = {
      open: (url) => count(page.goto(url)),
      click: (what) => count(what.click()),
      type: (what, text) => count(what.fill(text)),
    };
    function count(doing) {
      interactions += 1;
      return doing;
    }
    await story(person, page, server);
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    t.diagnostic(`from the server's start: ${seconds} s, ${interactions} interactions`);
    assert.ok(interactions <= INTERACTIONS_MAX, `${interactions} interactions`);
    assert.deepEqual(complaints, []);
    await page.context().close();
  } finally {
    await server.stop();
  }
}

test("a webhook of one's own, to a verified delivery", (t) =>
  measured(t, async (person, page, server) => {
    await person.open(server.link);
    await person.click(page.getByRole("button", { name: "Skip for now" }));
    await heading(page, "Webhooks");
    await person.click(page.getByRole("main").getByRole("link", { name: "Add", exact: true }));
    await person.type(page.getByRole("textbox", { name: "Title" }), "Home");
    await person.click(page.getByRole("button", { name: /^Endpoint/ }));
    await person.click(page.getByRole("checkbox", { name: /call\.ended/ }));
    await person.click(page.getByRole("button", { name: "Done" }));
    await person.click(page.getByRole("button", { name: "Use the test inbox" }));
    await person.click(page.getByRole("button", { name: "Submit" }));
    await heading(page, "Home");
    await person.click(page.getByRole("button", { name: "Send", exact: true }));
    await page.getByRole("region", { name: "Answer" }).getByText("Succeeded").waitFor();
    await person.click(page.getByRole("link", { name: "Test inbox" }));
    await page.getByRole("main").getByText("Verified").first().waitFor();
  }));

test("the first steps, to a verified delivery", (t) =>
  measured(t, async (person, page, server) => {
    await person.open(server.link);
    await person.click(page.getByRole("button", { name: "Skip for now" }));
    const steps = page.getByRole("region", { name: "First steps" });
    await person.click(steps.getByRole("button", { name: "Send test event" }));
    await steps.getByText("Verified ✓").waitFor();
    await steps.getByText(/^\d signatures verified by the test inbox/).waitFor();
  }));
