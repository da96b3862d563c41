// Makes the README's screenshots, and those of every page in light, dark and at 390 px with a sheet
// of each look, for people to look at:
//   POSTHASTE_BINARY=../target/release/posthaste node scripts/screenshots.mjs FOLDER
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { openWindow, settled, signIn, startBrowser } from "../tests/support/browser.mjs";
import { fill } from "../tests/support/data.mjs";
import { filledPages } from "../tests/support/pages.mjs";
import { startServer } from "../tests/support/server.mjs";

const folder = process.argv[2];
if (folder === undefined) throw new Error("the folder to write to has to be named");

const looks = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
};
/** Enough that charts have something to show. */
const ROUNDS = 40;

const server = await startServer();
const browser = await startBrowser();
const data = await fill(server, { rounds: ROUNDS });
try {
  const { page, context } = await openWindow(browser);
  await signIn(page, server);
  const storageState = await context.storageState();
  await context.close();
  for (const [look, options] of Object.entries(looks)) {
    await shootAll(look, { ...options, storageState });
  }
  await shootReadme(storageState);
} finally {
  await browser.close();
  await server.stop();
  await data.stop();
}

/** Opens the page and waits until it is drawn, charts included. */
async function open(page, way) {
  await page.goto(server.url + way);
  await settled(page);
  await page.waitForLoadState("networkidle", { timeout: 1_500 }).catch(() => {}); // The live ones never rest.
}

async function shootAll(look, options) {
  const { page, context } = await openWindow(browser, options);
  context.setDefaultTimeout(5_000);
  const shots = [];
  mkdirSync(path.join(folder, look), { recursive: true });
  for (const way of filledPages(data)) {
    const name = way
      .slice(1)
      .replaceAll(/(wh|dlv|evt)_\w+/g, "$1")
      .replaceAll(/[^a-z0-9]+/gi, "-");
    await open(page, way);
    const file = path.join(
      folder,
      look,
      `${String(shots.length + 1).padStart(2, "0")}-${name}.png`,
    );
    await page.screenshot({ path: file, fullPage: true });
    shots.push({ name: way, file });
  }
  await context.close();
  await sheet(look, shots, options.viewport.width);
}

/** All pages of a look on one sheet. */
async function sheet(look, shots, width) {
  const columns = width > 640 ? 4 : 8;
  const figures = shots.map(({ name, file }) => {
    const picture = readFileSync(file).toString("base64");
    return `<figure><img src="data:image/png;base64,${picture}"><figcaption>${name}</figcaption></figure>`;
  });
  const { page, context } = await openWindow(browser, { viewport: { width: 2000, height: 1000 } });
  await page.setContent(`<!doctype html><style>
    body {
      display: grid;
      grid-template-columns: repeat(${columns}, 1fr);
      align-items: start;
      gap: 16px;
      font: 13px sans-serif;
      background: #888;
    }
    figure { margin: 0; }
    img { width: 100%; max-height: 900px; object-fit: cover; object-position: top; }
  </style>${figures.join("")}`);
  const file = path.join(folder, `${look}.png`);
  await page.screenshot({ path: file, fullPage: true });
  await context.close();
  console.log(file);
}

/** The four of the README. */
async function shootReadme(storageState) {
  const viewport = { width: 1280, height: 800 };
  const { page, context } = await openWindow(browser, { viewport, storageState });
  context.setDefaultTimeout(5_000);
  const { webhooks, deliveries } = data;
  mkdirSync(path.join(folder, "readme"), { recursive: true });
  for (const [name, way] of Object.entries({
    webhooks: "/setup/webhooks",
    endpoint: `/setup/webhooks/${webhooks.good.id}`,
    delivery: `/deliveries/${deliveries.retrying.id}`,
    inbox: "/inbox",
  })) {
    await open(page, way);
    const file = path.join(folder, "readme", `${name}.png`);
    await page.screenshot({ path: file });
    console.log(file);
  }
  await context.close();
}
