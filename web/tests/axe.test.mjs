// What axe-core finds on every page, with data and without, in light and dark, wide and narrow:
// nothing. No page is wider than a phone, and none complains in the console.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { heading, openWindow, settled, signIn, startBrowser } from "./support/browser.mjs";
import { fill } from "./support/data.mjs";
import { emptyPages, filledPages } from "./support/pages.mjs";
import { startServer } from "./support/server.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** All rules in light. In dark the page is the same but for its colours. */
const rules = {
  light: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
  dark: { type: "rule", values: ["color-contrast", "link-in-text-block"] },
};
const sizes = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

/** What is wrong with what the page shows now. */
async function faults(page) {
  const found = [];
  const { width } = page.viewportSize();
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  if (needed > width) found.push(`it needs ${needed} px where there are ${width}`);
  await page.evaluate(axe);
  for (const [colorScheme, runOnly] of Object.entries(rules)) {
    await page.emulateMedia({ colorScheme });
    await page.waitForFunction(
      (wanted) =>
        document.documentElement.dataset.mantineColorScheme === wanted &&
        document.getAnimations().every(({ playState }) => playState !== "running"),
      colorScheme,
    );
    const { violations } = await page.evaluate((options) => window.axe.run(options), {
      runOnly,
      resultTypes: ["violations"],
      preload: false,
    });
    for (const { id, help, nodes } of violations) {
      const where = nodes.map(({ html, any }) => `${html.slice(0, 160)} ${any[0]?.message ?? ""}`);
      found.push(`${colorScheme}: ${id}: ${help}\n    ${where.slice(0, 3).join("\n    ")}`);
    }
  }
  return found;
}

/** What opens over pages: where, and how. */
const overlays = {
  "the event types of a form": [
    "/setup/webhooks/new",
    async (page) => {
      await page.getByRole("button", { name: /^Endpoint/ }).click();
      await page.getByRole("checkbox", { name: /call\.ended/ }).focus();
      await page
        .getByRole("region", { name: "About the event type" })
        .getByText("Triggered")
        .waitFor();
    },
  ],
  "the endpoints of one that receives": [
    "/setup/webhooks/new?direction=inbound",
    async (page) => {
      await page.getByRole("button", { name: /^Endpoint/ }).click();
      await page.getByRole("checkbox", { name: /contact\.delete/ }).focus();
    },
  ],
  "a new powerlist": [
    "/setup/powerlists",
    (page) => page.getByRole("button", { name: "Add", exact: true }).click(),
  ],
  "the deletion of a powerlist": [
    "/setup/powerlists",
    (page) => page.getByLabel("Delete January prospects").click(),
  ],
  "a deletion": ["/setup/webhooks", (page) => page.getByLabel("Delete Billing").click()],
  "a menu": ["/setup/webhooks", (page) => page.getByLabel("More for Billing").click()],
  "the user's menu": ["/setup/webhooks", (page) => page.getByLabel("Your menu").click()],
  "the palette": ["/setup/webhooks", (page) => page.keyboard.press("Control+k")],
  "the shortcuts": ["/deliveries", (page) => page.keyboard.press("Shift+?")],
  "a new key": ["/setup/api-keys", (page) => page.getByRole("button", { name: "Add" }).click()],
  "an invitation": [
    "/settings/users",
    (page) => page.getByRole("button", { name: "Invite" }).click(),
  ],
};

/** Walks through the pages at one size. */
async function walk(server, state, viewport, pages, opened = {}) {
  const { page, context, complaints } = await openWindow(browser, {
    viewport,
    storageState: state,
  });
  const found = [];
  for (const path of pages) {
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(server.url + path);
    await settled(page);
    for (const fault of await faults(page)) found.push(`${path} ${fault}`);
  }
  for (const [name, [path, open]] of Object.entries(opened)) {
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(server.url + path);
    await settled(page);
    await open(page);
    await page.locator("[role=dialog], [role=menu]").first().waitFor();
    for (const fault of await faults(page)) found.push(`${name} ${fault}`);
  }
  await context.close();
  assert.deepEqual([...found, ...complaints], []);
}

// `true` would be one less than there are processors, which may be one.
describe("nothing is found", { concurrency: 2 }, () => {
  for (const [size, viewport] of Object.entries(sizes)) {
    test(`${size}: a server in use`, async () => {
      const server = await startServer();
      const data = await fill(server);
      try {
        const { page, context } = await openWindow(browser);
        await signIn(page, server);
        const state = await context.storageState();
        await context.close();
        await walk(server, state, viewport, filledPages(data), overlays);
      } finally {
        await server.stop();
        await data.stop();
      }
    });

    test(`${size}: a new server, from the sign-in on`, async () => {
      const server = await startServer({ dev: false });
      try {
        const { page, context } = await openWindow(browser, { viewport });
        await page.goto(`${server.url}/sign-in`);
        await heading(page, "Sign in");
        assert.deepEqual(await faults(page), []);
        await page.goto(server.link);
        await heading(page, "Choose your name, e-mail and password");
        assert.deepEqual(await faults(page), []);
        await page.getByLabel("Name", { exact: true }).fill("Ann Lee");
        await page.getByRole("textbox", { name: "E-mail" }).fill("ann@example.com");
        await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
        await page.getByRole("button", { name: "Save and go on" }).click();
        await heading(page, "Webhooks");
        const state = await context.storageState();
        await context.close();
        await walk(server, state, viewport, emptyPages);
      } finally {
        await server.stop();
      }
    });
  }
});
