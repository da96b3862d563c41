// A browser with nothing in it, and a person in front of it.
import { chromium } from "playwright-core";
import { chromiumPath } from "./chromium.mjs";

const TIMEOUT_MS = 15_000;

/** Chromium with a profile of its own, which is gone when it is closed. */
export async function startBrowser() {
  return chromium.launch({
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
}

/**
 * A window of the browser, without any cookie. `complaints` collects what nobody should see:
 * errors in the console, exceptions, dialogs, violations of the content security policy.
 */
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    // Numbers and times are written as the machine's language has it.
    locale: "en-US",
    ...options,
  });
  context.setDefaultTimeout(TIMEOUT_MS);
  const complaints = [];
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  context.on("console", (message) => {
    if (message.type() !== "error") return;
    complaints.push(`${message.page()?.url()}: ${message.text()} ${message.location().url}`);
  });
  context.on("weberror", (error) => complaints.push(`${error.page()?.url()}: ${error.error()}`));
  context.on("dialog", (dialog) => {
    complaints.push(`${dialog.page()?.url()}: a dialog says ${dialog.message()}`);
    void dialog.dismiss();
  });
  const page = await context.newPage();
  return { context, page, complaints };
}

/** Signs in by the server's link; on a server with --dev a password need not be chosen. */
export async function signIn(page, server) {
  await page.goto(server.link);
  await page.getByRole("button", { name: "Skip for now" }).click();
  await heading(page, "Webhooks");
}

/** Waits until the page has this heading. */
export function heading(page, name) {
  return page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
}

/** Waits until the page shows all it has to. */
export async function settled(page) {
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(
    () => document.querySelector("main [class*=Skeleton-root], main [class*=Loader-root]") === null,
  );
}
