// Takes screenshots of pages as they are in a browser, in light, dark and at 390 px:
//   node scripts/screenshot.mjs FOLDER /setup/webhooks /metrics …
// BASE is the dashboard's address (Vite's by default), COOKIE a session's cookie if one is needed.
// FULL=1 shows whole pages. With AXE=1 it also says what axe-core finds. Prints what the browser's console complains of.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { chromiumPath } from "../tests/support/chromium.mjs";

const [folder, ...paths] = process.argv.slice(2);
const base = process.env.BASE ?? "http://127.0.0.1:5173";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const looks = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  { name: "phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
];

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: await chromiumPath(),
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
for (const { name, ...look } of looks) {
  const context = await browser.newContext(look);
  if (process.env.COOKIE) {
    const [cookie, value] = process.env.COOKIE.split("=");
    await context.addCookies([{ name: cookie, value, url: base }]);
  }
  for (const path of paths) {
    const page = await context.newPage();
    page.on("pageerror", (error) => console.log(`${path} ${name}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") console.log(`${path} ${name}: ${message.text()}`);
    });
    // Live pages never come to rest, so waiting for the heading is the surest sign.
    await page.goto(base + path);
    await page.locator("h1").first().waitFor();
    const loading = page.locator("main [class*=Skeleton-root]").first();
    await loading
      .waitFor({ state: "detached", timeout: 5_000 })
      .catch(() => console.log(`${path} ${name}: still loading`));
    const file = `${folder}/${path.replaceAll(/[^a-z0-9-]+/gi, "_").replace(/^_/, "")}.${name}.png`;
    await page.screenshot({ path: file, fullPage: process.env.FULL !== undefined });
    console.log(file);
    if (process.env.AXE) {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      for (const { id, help, nodes } of violations) {
        console.log(`  axe ${id}: ${help}`);
        for (const { html } of nodes.slice(0, 3)) console.log(`    ${html.slice(0, 200)}`);
      }
    }
    await page.close();
  }
  await context.close();
}
await browser.close();
