// Powerlists, their contacts, and files of contacts in and out.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { heading, openWindow, signIn, startBrowser } from "./support/browser.mjs";
import { until } from "./support/data.mjs";
import { startServer } from "./support/server.mjs";
import { story } from "./support/story.mjs";

let server;
let browser;
let storageState;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  const { page, context } = await openWindow(browser);
  await signIn(page, server);
  storageState = await context.storageState();
  await context.close();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a list and the people on it", async (t) => {
  const step = story(t);
  const { page, complaints } = await openWindow(browser, { storageState });
  const row = (text) => page.getByRole("row").filter({ hasText: text });
  const panel = page.getByRole("complementary", { name: "Contact" });

  await step("a list is created from the empty page", async () => {
    await page.goto(`${server.url}/setup/powerlists`);
    await page.getByText("No powerlists yet").waitFor();
    await page.getByRole("main").getByRole("button", { name: "Add", exact: true }).first().click();
    const dialog = page.getByRole("dialog", { name: "Create a powerlist" });
    await dialog.getByRole("textbox", { name: "Name" }).fill("January prospects");
    await dialog.getByRole("button", { name: "Create" }).click();
    await heading(page, "January prospects");
    await page.getByText("Nobody is on this list yet").waitFor();
  });

  await step("a name that is taken is refused beside the field", async () => {
    await page.goto(`${server.url}/setup/powerlists`);
    await row("January prospects").waitFor();
    await page.getByRole("main").getByRole("button", { name: "Add", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Create a powerlist" });
    await dialog.getByRole("textbox", { name: "Name" }).fill("January prospects");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByText("There is a powerlist of this name already.").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await row("January prospects")
      .getByRole("link", { name: "January prospects", exact: true })
      .click();
    await heading(page, "January prospects");
  });

  await step("a contact is added by hand; what is wrong is said at its field", async () => {
    await page.getByRole("button", { name: "Add contact" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Add a contact" });
    const number = dialog.getByRole("textbox", { name: "Phone number" });
    await number.fill("12");
    await dialog.getByRole("textbox", { name: "E-mail" }).fill("maria");
    await dialog.getByRole("button", { name: "Add contact" }).click();
    await dialog.getByText("2 fields need another look.").waitFor();
    await number.fill("(202) 555-0187");
    await dialog.getByRole("textbox", { name: "E-mail" }).fill("maria@example.com");
    await dialog.getByRole("textbox", { name: "First name" }).fill("Maria");
    await dialog.getByRole("button", { name: "Add a field" }).click();
    await dialog.getByLabel("Name of custom field 1").fill("lead_score");
    await dialog.getByLabel("Value of custom field 1").fill("85");
    await dialog.getByRole("button", { name: "Add contact" }).click();
    await dialog.waitFor({ state: "hidden" });
    await row("+12025550187").getByText("maria@example.com").waitFor();
  });

  await step("it opens beside the list and is edited there", async () => {
    await row("+12025550187").getByText("Maria", { exact: true }).click();
    await panel.getByText("lead_score").waitFor();
    await panel.getByRole("button", { name: "Edit" }).click();
    await panel.getByRole("textbox", { name: "City" }).fill("Washington");
    await panel.getByRole("textbox", { name: "E-mail" }).fill("");
    await panel.getByRole("button", { name: "Save" }).click();
    await panel.getByText("Washington").waitFor();
    await row("+12025550187").getByText("maria@example.com").waitFor({ state: "detached" });
    const { data } = await server.call("GET", await contactsPath());
    assert.equal(data[0].city, "Washington");
    assert.equal(data[0].email, null);
    assert.deepEqual(data[0].custom_fields, { lead_score: "85" });
  });

  await step("search finds by number and name, and says when nothing matches", async () => {
    const search = page.getByLabel("Search contacts");
    await search.fill("0187");
    await row("+12025550187").waitFor();
    await search.fill("nobody");
    await page.getByText("No contacts match").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await row("+12025550187").waitFor();
  });

  await step("it is deleted, with a reason", async () => {
    await row("+12025550187").getByText("Maria", { exact: true }).click();
    await panel.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete Maria?" });
    await dialog.getByRole("combobox", { name: "Reason" }).click();
    await page.getByRole("option", { name: /erased/ }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByText("Nobody is on this list yet").waitFor();
    await until(
      () => server.call("GET", "/v1/events?limit=5"),
      ({ data }) => data.some(({ event }) => event === "contact.delete"),
    );
  });
  // The two that are refused here on purpose.
  const refused = /status of (409|422)/;
  assert.deepEqual(
    complaints.filter((complaint) => !refused.test(complaint)),
    [],
  );
});

test("a file of contacts in, and out again", async (t) => {
  const step = story(t);
  const list = await server.call("POST", "/v1/powerlists", { name: "From files" });
  const { page, complaints } = await openWindow(browser, { storageState });
  const lines = ["Telephone;Vorname;E-Mail;Lead score"];
  for (let n = 0; n < 3_000; n += 1) {
    lines.push(`+1202555${1000 + n};Name ${n};n${n}@example.com;${n}`);
  }
  lines.push("12;Nobody;x@example.com;1", ";Nobody;y@example.com;2", "+12025551000;Twice;;3");

  await step("the columns are suggested and can be chosen", async () => {
    await page.goto(`${server.url}/setup/powerlists/${list.id}/import`);
    await page.getByLabel("CSV file").setInputFiles({
      name: "leads.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(lines.join("\r\n")),
    });
    const column = (name) => page.getByRole("combobox", { name: `Field of ${name}` });
    await column("Telephone").waitFor();
    for (const [name, option] of [
      ["Telephone", "Phone number"],
      ["Vorname", "First name"],
      ["E-Mail", "E-mail"],
      ["Lead score", "Custom field “Lead score”"],
    ]) {
      await column(name).click();
      await page.getByRole("option", { name: option, exact: true }).click();
    }
    await page.getByText("20 of 20 can be used").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
  });

  await step("it runs with progress and says what was skipped", async () => {
    await page.getByRole("combobox", { name: "Tags" }).fill("january");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Start import" }).click();
    await heading(page, "Import of leads.csv");
    await page.getByRole("progressbar", { name: "Import" }).waitFor();
    await page.getByText("3,003 rows in").waitFor();
    const skipped = page.getByRole("table");
    await skipped.getByRole("cell", { name: "3,002", exact: true }).waitFor();
    await skipped.getByRole("cell", { name: "3,003", exact: true }).waitFor();
  });

  await step("the skipped rows can be kept as a file", async () => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download as CSV" }).click(),
    ]);
    assert.match(download.suggestedFilename(), /^skipped-.+\.csv$/);
    const text = await readFile(await download.path(), "utf8");
    assert.match(text, /3002/);
  });

  await step("the contacts are on the list, with the tag, page by page", async () => {
    await page.getByRole("link", { name: "See the contacts" }).click();
    await heading(page, "From files");
    await page.getByText("3,000 contacts").first().waitFor();
    await page.getByRole("combobox", { name: "Tag", exact: true }).fill("january");
    await page.keyboard.press("Enter");
    await page.getByRole("row").nth(1).getByText("january").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.waitForURL(/cursor=/);
    await page.getByRole("button", { name: "Previous" }).click();
  });

  await step("the export has them all", async () => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Export CSV" }).click(),
    ]);
    assert.match(download.suggestedFilename(), /\.csv$/);
    const rows = (await readFile(await download.path(), "utf8")).trim().split(/\r?\n/);
    assert.equal(rows.length, 3_001);
    assert.match(rows[0], /phone_number.*custom_fields\.Lead score/);
  });

  await step("a file without phone numbers is not imported", async () => {
    await page.goto(`${server.url}/setup/powerlists/${list.id}/import`);
    await page.getByLabel("CSV file").setInputFiles({
      name: "names.csv",
      mimeType: "text/csv",
      buffer: Buffer.from("name,city\nMaria,Bonn\n"),
    });
    await page.getByRole("combobox", { name: "Field of city" }).waitFor();
    assert.ok(await page.getByRole("button", { name: "Next" }).isDisabled());
  });

  await step("a list with people on it is deleted by its name", async () => {
    await page.goto(`${server.url}/setup/powerlists`);
    const button = page.getByRole("button", { name: "Delete From files" });
    await button.click();
    const dialog = page.getByRole("dialog", { name: "Delete From files?" });
    assert.ok(await dialog.getByRole("button", { name: "Delete" }).isDisabled());
    await dialog.getByLabel(/to confirm/).fill("From files");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.waitFor({ state: "hidden" });
    await button.waitFor({ state: "detached" });
  });
  assert.deepEqual(complaints, []);
});

async function contactsPath() {
  const { data } = await server.call("GET", "/v1/powerlists");
  return `/v1/powerlists/${data[0].id}/contacts`;
}
