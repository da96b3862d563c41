// Measures the log of deliveries in a browser, on a data folder with a long history:
//   POSTHASTE_BINARY=../target/release/posthaste node scripts/log-page.mjs FOLDER
// `posthaste-bench history --queries-only` keeps such a folder in its scratch folder (FOLDER is
// `data` in it). Prints for each thing a person does there how long it takes until the new rows are
// drawn, and how even scrolling is.
import { openWindow, settled, signIn, startBrowser } from "../tests/support/browser.mjs";
import { startServer } from "../tests/support/server.mjs";

const OPENINGS = 7;
const PAGES = 20;
const TIMES = 5;

const data = process.argv[2];
if (data === undefined) throw new Error("the data folder has to be named");

const server = await startServer({ data });
const browser = await startBrowser();
try {
  const { page, context } = await openWindow(browser);
  await signIn(page, server);
  const storageState = await context.storageState();
  await context.close();

  await opening("open the log, nothing in the browser's cache", async () => {
    const window = await openLogWindow(storageState);
    return { page: window.page, done: () => window.context.close() };
  });
  const log = await openLogWindow(storageState);
  await opening("open the log again", async () => ({ page: log.page, done: () => {} }));
  await paging("", log.page);
  await paging("status=failed", log.page);
  await paging("status_code=404", log.page);
  for (const [field, choice] of [
    ["Status", "Failed"],
    ["Event type", "campaign.completed"],
    ["Webhook", undefined],
  ]) {
    await choosing(log.page, field, choice);
  }
  for (const code of ["404", "418", "5xx"]) await typingACode(log.page, code);
  await scrolling(log.page);
  for (const complaint of log.complaints) console.log(`complaint: ${complaint}`);
} finally {
  await browser.close();
  await server.stop();
}

// ---- What a person does.

async function opening(what, windowFor) {
  const times = [];
  for (let n = 0; n < OPENINGS; n += 1) {
    const { page, done } = await windowFor();
    await page.goto(`${server.url}/deliveries`);
    times.push(await page.evaluate(() => window.firstRowsDrawn));
    await done();
  }
  print(what, times);
}

async function paging(query, page) {
  await show(page, query);
  const times = [];
  while (times.length < PAGES) {
    const next = page.getByRole("button", { name: "Next" });
    if (!(await next.isEnabled())) break;
    times.push(await untilDrawn(next, "click"));
  }
  print(`next page, ${times.length} times${query && `, ${query}`}`, times);
}

/** Chooses in a field of the filters; the first choice there is, if none is named. */
async function choosing(page, field, choice) {
  const times = [];
  for (let n = 0; n < TIMES; n += 1) {
    await show(page, "");
    await page.getByRole("combobox", { name: field }).or(page.getByLabel(field)).first().click();
    const options = page.getByRole("option");
    const option = choice === undefined ? options : options.filter({ hasText: choice });
    times.push(await untilDrawn(option.first(), "click"));
  }
  print(`filter: ${field.toLowerCase()} ${choice ?? "(the first)"}`, times);
}

async function typingACode(page, code) {
  const times = [];
  let found;
  for (let n = 0; n < TIMES; n += 1) {
    await show(page, "");
    const field = page.getByLabel("Status code");
    await field.fill(code);
    times.push(await untilDrawn(field, "blur"));
    found = await page.locator("main [data-row]").count();
  }
  print(`filter: code ${code}, ${found} rows`, times);
}

/** Down and up the page by 40 px a frame. */
async function scrolling(page) {
  await show(page, "");
  const frames = await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const lengths = [];
    let last = await frame();
    for (const step of [40, -40, 40, -40]) {
      for (let at = -1; at !== window.scrollY; ) {
        at = window.scrollY;
        window.scrollBy(0, step);
        const now = await frame();
        lengths.push(now - last);
        last = now;
      }
    }
    return lengths;
  });
  print(`a frame while scrolling, of ${frames.length}`, frames);
}

// ---- Measuring.

async function openLogWindow(storageState) {
  const window = await openWindow(browser, { storageState });
  await window.context.addInitScript(() => {
    window.firstRowsDrawn = new Promise((resolve) => {
      const look = (now) =>
        document.querySelector("main [data-row]") ? resolve(now) : requestAnimationFrame(look);
      requestAnimationFrame(look);
    });
  });
  return window;
}

async function show(page, query) {
  await page.goto(`${server.url}/deliveries?${query}`);
  await settled(page);
}

/** Milliseconds from the act until a frame with other rows, or the word that there are none. */
function untilDrawn(locator, act) {
  return locator.evaluate(async (element, act) => {
    const rows = () =>
      [...document.querySelectorAll("main [data-row]")].map(({ dataset }) => dataset.row).join();
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const before = rows();
    const begun = performance.now();
    element[act]();
    while (rows() === before || document.querySelector("main [data-stale]")) await frame();
    // The next frame begins when that one is drawn.
    return (await frame()) - begun;
  }, act);
}

function print(what, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const ms = (time) => `${time.toFixed(0).padStart(5)} ms`;
  const median = sorted[Math.floor(sorted.length / 2)];
  const p95 = sorted[Math.floor(sorted.length * 0.95)];
  console.log(`${what.padEnd(54)} median ${ms(median)}  p95 ${ms(p95)}  max ${ms(sorted.at(-1))}`);
}
