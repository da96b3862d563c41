// Contacts in, step by step: a webhook that receives is added in the form, its URL is taken from the
// page, and what is posted there is seen in the list, in the table, and at a receiver.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { heading, openWindow, signIn, startBrowser } from "./support/browser.mjs";
import { until } from "./support/data.mjs";
import { startServer } from "./support/server.mjs";
import { story } from "./support/story.mjs";

const run = promisify(execFile);

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Posts as a CRM would, from outside of the browser. */
async function curl(url, ...options) {
  const { stdout } = await run("curl", ["-sS", "-X", "POST", url, ...options]);
  return JSON.parse(stdout);
}
const field = (name, value) => ["--data-urlencode", `${name}=${value}`];

test("a webhook that receives, from the form to the receiver", async (t) => {
  const step = story(t);
  const { page, context, complaints } = await openWindow(browser);
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
  await server.call("POST", "/v1/webhooks", {
    title: "Tells of contacts",
    url: `${server.url}/inbox/receive/told`,
    events: ["contact", "contact.delete"],
  });
  /** The data of what the receiver got of an event, once it has. */
  const told = async (event, fits) => {
    const { data } = await until(
      () => server.call("GET", "/v1/inbox/requests?since=0"),
      (answer) =>
        answer.data
          .map(({ body }) => JSON.parse(body))
          .some((b) => b.event === event && fits(b.data)),
    );
    return data.map(({ body }) => JSON.parse(body)).find((b) => b.event === event && fits(b.data))
      .data;
  };
  const copied = async (name) => {
    await page.getByRole("button", { name, exact: true }).click();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const choose = async (label, option) => {
    await page.getByRole("combobox", { name: label, exact: true }).click();
    await page.getByRole("option", { name: option }).first().click();
  };
  let url;

  await step("the direction switch of the form turns it round", async () => {
    await signIn(page, server);
    await page.getByRole("main").getByRole("link", { name: "Add", exact: true }).click();
    await heading(page, "Add webhook");
    await page.getByText("Receive into a powerlist").click();
    await page.getByRole("textbox", { name: "Title" }).fill("Home");
    assert.equal(await page.getByRole("textbox", { name: "URL" }).count(), 0);
  });

  await step("a powerlist is made on the spot", async () => {
    await choose("Powerlist", "Create a new list…");
    const dialog = page.getByRole("dialog", { name: "Create a powerlist" });
    await dialog.getByRole("textbox", { name: "Name" }).fill("January prospects");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.waitForFunction(() =>
      [...document.querySelectorAll("input")].some(({ value }) => value === "January prospects"),
    );
  });

  await step("Contact and Contact Delete can be chosen, and are explained", async () => {
    await page.getByRole("button", { name: /^Endpoint/ }).click();
    const picker = page.getByRole("dialog", { name: "Endpoint" });
    await picker.getByRole("checkbox").first().waitFor();
    assert.equal(await picker.getByRole("checkbox").count(), 2);
    await picker.getByText("contact.delete", { exact: true }).hover();
    const facts = picker.getByRole("region", { name: "About the event type" });
    await facts.getByText("Contact Delete", { exact: true }).waitFor();
    await facts.getByText(/Takes a contact off the powerlist/).waitFor();
    await picker.getByRole("checkbox", { name: /contact\.delete/ }).check();
    await picker.getByRole("button", { name: "Done" }).click();
  });

  await step("Submit shows its URLs, method and form fields", async () => {
    await page.getByRole("button", { name: "Submit" }).click();
    await heading(page, "Home");
    const contact = page.getByRole("region", { name: "Contact", exact: true });
    await contact.getByText("POST", { exact: true }).waitFor();
    for (const name of ["phone_number", "email", "first_name", "powerlist_id"]) {
      await contact
        .getByRole("button", { name: `Copy field ${name} of Contact`, exact: true })
        .waitFor();
    }
    url = await copied("Copy URL of Contact");
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/in\/[\w-]{20,}\/contact$/);
    assert.match(await copied("Copy URL of Contact Delete"), /\/contact-delete$/);
    assert.equal(await copied("Copy field phone_number of Contact"), "phone_number");
  });

  await step("a form that is posted there becomes a contact", async () => {
    const { status, data } = await curl(
      url,
      ...field("phone_number", "(202) 555-0187"),
      ...field("first_name", "Maria"),
      ...field("last_name", "Lopez"),
      ...field("lead_score", "85"),
    );
    assert.equal(status, "success");
    assert.equal(data.operation, "created");
    await page.getByRole("row").filter({ hasText: data.contact_id }).getByText("Created").waitFor();
    await page.getByRole("link", { name: "January prospects" }).first().click();
    await heading(page, "January prospects");
    const row = page.getByRole("row").filter({ hasText: "+12025550187" });
    await row.getByText("Maria Lopez").waitFor();
    await row.getByRole("link", { name: "+12025550187" }).click();
    const panel = page.getByRole("complementary", { name: "Contact" });
    await panel.getByText("lead_score").waitFor();
    await panel.getByText("A webhook", { exact: true }).waitFor();
  });

  await step("the hit is in the table", async () => {
    await page.goto(`${server.url}/setup/webhooks`);
    const row = page.getByRole("row").filter({ hasText: "Home" });
    await row.getByText("Receives into January prospects").waitFor();
    await row.getByRole("cell").nth(2).filter({ hasText: /^1$/ }).waitFor();
    assert.match(
      await row.getByRole("cell").nth(3).textContent(),
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
    );
  });

  await step("the receiver was told of the contact", async () => {
    const data = await told("contact", ({ phone_number }) => phone_number === "+12025550187");
    assert.equal(data.operation, "created");
    assert.equal(data.first_name, "Maria");
    assert.equal(data.powerlist_name, "January prospects");
  });

  await step("a body that is not understood is kept, with what is wrong", async () => {
    const body = JSON.stringify({ lead: { call_me_at: "202 555 0188", given: "Ben" } });
    const problem = await curl(url, "-H", "content-type: application/json", "-d", body);
    assert.equal(problem.status, 422);
    await page.getByRole("link", { name: "Home", exact: true }).click();
    await heading(page, "Home");
    await page.getByRole("row").filter({ hasText: "Invalid" }).click();
    const panel = page.getByRole("complementary", { name: "Request" });
    await panel.getByRole("list", { name: "What is wrong" }).getByText("phone_number").waitFor();
    await panel.getByText("call_me_at").first().waitFor();
    await panel.getByRole("button", { name: "Fix the mapping" }).click();
  });

  await step("the mapping is put right on that request, and it is replayed", async () => {
    const mapping = page.getByRole("region", { name: "Mapping" });
    await mapping.waitFor();
    await choose("Value for Phone number", /call_me_at/);
    const number = mapping.locator('[data-field="phone_number"]');
    await number.getByText("+12025550188").waitFor();
    await choose("Value for First name", /given/);
    await page.getByRole("region", { name: "What it becomes" }).getByText("Ben").first().waitFor();
    await page.getByRole("button", { name: "Save and replay" }).click();
    await page.getByText("Replayed: created").waitFor();
    const data = await told("contact", ({ phone_number }) => phone_number === "+12025550188");
    assert.equal(data.first_name, "Ben");
    const { data: requests } = await server.call("GET", await requestsOf("Home"));
    assert.equal(requests[0].verdict, "created");
    assert.ok(requests[0].replay_of !== null);
  });

  await step("a sample goes out from the page", async () => {
    await page.getByRole("tab", { name: "Test" }).click();
    await page
      .getByRole("region", { name: "Send a sample" })
      .getByRole("button", { name: "Send" })
      .click();
    const answer = page.getByRole("region", { name: "Answer" });
    await answer.getByText(/^200 taken$/).waitFor();
  });

  await step("the command to paste works", async () => {
    await page.getByRole("tab", { name: "Connect" }).click();
    const command = await copied("Copy curl command");
    const { stdout } = await run("bash", ["-c", command]);
    assert.equal(JSON.parse(stdout).status, "success");
  });

  // Where the mapping looks for the number from now on.
  const mapped = "lead.call_me_at";

  await step("new URLs work at once, the old ones for a while", async () => {
    await page.getByRole("button", { name: "Rotate" }).click();
    const dialog = page.getByRole("dialog", { name: "Rotate the URLs?" });
    await dialog.getByRole("button", { name: "Rotate" }).click();
    await page
      .getByRole("timer")
      .filter({ hasText: /^The old URLs work for another/ })
      .waitFor();
    const now = await copied("Copy URL of Contact");
    assert.notEqual(now, url);
    for (const each of [now, url]) {
      const { data } = await curl(each, ...field(mapped, "+12025550187"));
      assert.equal(data.operation, "none");
    }
  });

  await step("paused it turns requests away", async () => {
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("This webhook is paused").waitFor();
    assert.equal((await curl(url, ...field(mapped, "+12025550187"))).code, "inbound_paused");
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("This webhook is paused").waitFor({ state: "detached" });
  });

  await step("Contact Delete takes a contact off the list", async () => {
    const { data } = await curl(
      await copied("Copy URL of Contact Delete"),
      ...field(mapped, "+12025550188"),
    );
    assert.equal(data.operation, "deleted");
    await told("contact.delete", ({ phone_number }) => phone_number === "+12025550188");
  });

  assert.deepEqual(complaints, []);
});

/** Where the requests of the webhook of that title are. */
async function requestsOf(title) {
  const { data } = await server.call("GET", "/v1/webhooks");
  return `/v1/webhooks/${data.find((webhook) => webhook.title === title).id}/requests`;
}
