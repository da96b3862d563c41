// Setup > Webhooks as it was asked for, step by step.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { heading, openWindow, startBrowser } from "./support/browser.mjs";
import { startReceiver } from "./support/receiver.mjs";
import { startServer } from "./support/server.mjs";
import { story } from "./support/story.mjs";

let server;
let receiver;
let browser;
before(async () => {
  [server, receiver, browser] = await Promise.all([startServer(), startReceiver(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), receiver?.stop()]);
});

test("a webhook is added, hit, looked at, edited and deleted", async (t) => {
  const step = story(t);
  const { page, complaints } = await openWindow(browser);
  const table = page.getByRole("table");
  const row = (title) => table.getByRole("row").filter({ hasText: title });
  const cell = (title, column) => row(title).getByRole("cell").nth(columns.indexOf(column));
  const columns = ["#", "Title", "Hits", "Last Hit", "Created At", "Action"];

  await server.call("POST", "/v1/powerlists", { name: "January prospects" });

  await step("the link of the first start signs in", async () => {
    await page.goto(server.link);
    await page.getByRole("button", { name: "Skip for now" }).click();
    await heading(page, "Webhooks");
    assert.equal(new URL(page.url()).pathname, "/setup/webhooks");
  });

  await step("Setup > Webhooks is in the navigation", async () => {
    await page.goto(`${server.url}/metrics`);
    const setup = page
      .getByRole("navigation", { name: "Main" })
      .getByRole("list", { name: "Setup" });
    await setup.getByRole("link", { name: "Webhooks" }).click();
    await heading(page, "Webhooks");
    await row("Test inbox").waitFor();
    assert.deepEqual(
      (await table.getByRole("columnheader").allTextContents()).map((text) => text.trim()),
      columns,
    );
  });

  await step("the yellow Add opens the form", async () => {
    const add = page.getByRole("main").getByRole("link", { name: "Add", exact: true });
    assert.equal(await colour(add), "yellow");
    await add.click();
    await heading(page, "Add webhook");
    assert.equal(await colour(page.getByRole("link", { name: "Back" })), "yellow");
  });

  await step("the form asks for a Title, a Powerlist and an Endpoint", async () => {
    await page.getByRole("textbox", { name: "Title" }).fill("Home");
    await page.getByRole("combobox", { name: "Powerlist" }).click();
    await page.getByRole("option", { name: "January prospects" }).click();
    await page.getByRole("button", { name: /^Endpoint/ }).click();
  });

  const picker = page.getByRole("dialog", { name: "Endpoint" });
  const facts = picker.getByRole("region", { name: "About the event type" });

  await step("pointing at an event type tells of it", async () => {
    await picker.getByText("call.ended", { exact: true }).hover();
    await facts.getByText("Call Ended", { exact: true }).waitFor();
    await facts.getByText("Triggered", { exact: true }).waitFor();
    await facts.getByText("Call analytics, CRM updates").waitFor();
  });

  await step("so does moving to it by keyboard", async () => {
    await picker.getByLabel("Search event types").fill("contact.delete");
    await page.keyboard.press("ArrowDown");
    const focused = page.locator(":focus");
    assert.match(await focused.evaluate((input) => input.labels[0].textContent), /contact\.delete/);
    await facts.getByText("contact.delete", { exact: true }).waitFor();
    await facts.getByText("Triggered", { exact: true }).waitFor();
  });

  await step("several event types are chosen", async () => {
    await page.keyboard.press("Space");
    await picker.getByLabel("Search event types").fill("");
    await picker.getByRole("checkbox", { name: "Contact contact", exact: true }).check();
    await picker.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "Remove Contact", exact: true }).waitFor();
    await page.getByRole("button", { name: "Remove Contact Delete" }).waitFor();
  });

  await step("the purple Submit adds the webhook", async () => {
    await page.getByRole("combobox", { name: "Powerlist" }).click();
    await page.getByRole("option", { name: "Events of every list" }).click();
    await page.getByRole("textbox", { name: "URL" }).fill(receiver.url);
    const submit = page.getByRole("button", { name: "Submit" });
    assert.equal(await colour(submit), "purple");
    await submit.click();
    await heading(page, "Home");
    await page
      .getByTestId("new-secret")
      .filter({ hasText: /^whsec_/ })
      .waitFor();
  });

  await step("the row has appeared", async () => {
    const back = page.getByRole("link", { name: "Back" });
    assert.equal(await colour(back), "yellow");
    await back.click();
    await cell("Home", "Hits").filter({ hasText: /^0$/ }).waitFor();
    assert.match(await cell("Home", "#").textContent(), /^\d+$/);
    assert.equal(await cell("Home", "Last Hit").textContent(), "Never");
    assert.match(
      await cell("Home", "Created At").textContent(),
      /^\d{4}-\d\d-\d\d \d\d:\d\d [AP]M$/,
    );
    for (const name of ["Edit", "Delete", "View Endpoints"]) {
      await cell("Home", "Action")
        .getByLabel(new RegExp(`^${name}`))
        .waitFor();
    }
  });

  await step("hits rise when events are posted", async () => {
    const sample = { contact_id: "contact_1" };
    await server.publish("contact", sample);
    await cell("Home", "Hits").filter({ hasText: /^1$/ }).waitFor();
    assert.match(await cell("Home", "Last Hit").textContent(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    await server.publish("contact.delete", sample);
    await cell("Home", "Hits").filter({ hasText: /^2$/ }).waitFor();
  });

  await step("View Endpoints shows performance and delivery status", async () => {
    await cell("Home", "Action").getByLabel("View Endpoints of Home").click();
    await heading(page, "Home");
    const performance = page.getByRole("region", { name: /^Performance and delivery status/ });
    await performance.getByText("Success rate").waitFor();
    await performance.getByText("100%").waitFor();
    const endpoint = page.getByRole("region", { name: "Endpoint" });
    await endpoint.getByText(receiver.url).waitFor();
    await endpoint.getByText("POST", { exact: true }).waitFor();
    for (const part of ["URL", "method", "title", "events", "webhook id"]) {
      await endpoint.getByRole("button", { name: `Copy ${part}`, exact: true }).waitFor();
    }
    const log = page.getByRole("table");
    await log
      .getByRole("row")
      .filter({ hasText: "contact.delete" })
      .getByText("Delivered")
      .waitFor();
  });

  await step("Edit changes it", async () => {
    await page.getByRole("link", { name: "Back" }).click();
    await cell("Home", "Action").getByLabel("Edit Home").click();
    await heading(page, "Edit Home");
    await page.getByRole("textbox", { name: "Title" }).fill("CRM Integration");
    await page.getByRole("button", { name: "Submit" }).click();
    await heading(page, "CRM Integration");
  });

  await step("Delete asks, for the name of one in use, and deletes", async () => {
    await page.getByRole("link", { name: "Back" }).click();
    await cell("CRM Integration", "Action").getByLabel("Delete CRM Integration").click();
    const dialog = page.getByRole("dialog", { name: "Delete CRM Integration?" });
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "hidden" });
    await row("CRM Integration").waitFor();

    await cell("CRM Integration", "Action").getByLabel("Delete CRM Integration").click();
    assert.ok(await dialog.getByRole("button", { name: "Delete" }).isDisabled());
    await dialog.getByLabel(/to confirm/).fill("CRM Integration");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await row("CRM Integration").waitFor({ state: "detached" });
  });

  assert.deepEqual(complaints, []);
});

/** The name of the button's ground, by its hue. */
async function colour(button) {
  const ground = await button.evaluate((element) => getComputedStyle(element).backgroundColor);
  const [red, green, blue] = ground.match(/\d+/g).map((part) => Number(part) / 255);
  const most = Math.max(red, green, blue);
  const spread = most - Math.min(red, green, blue);
  if (spread < 0.2) return `grey (${ground})`;
  const sixth =
    most === red
      ? (green - blue) / spread
      : most === green
        ? (blue - red) / spread + 2
        : (red - green) / spread + 4;
  const hue = (sixth * 60 + 360) % 360;
  if (hue >= 40 && hue <= 65) return "yellow";
  return hue >= 245 && hue <= 300 ? "purple" : `hue ${Math.round(hue)} (${ground})`;
}
