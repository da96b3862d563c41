// People come in, go out, and see what their role lets them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { heading, openWindow, startBrowser } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";
import { story } from "./support/story.mjs";

const EMAIL = "ann@example.com";
const PASSWORD = "correct horse battery staple";

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer({ dev: false }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("people sign in and out, and invite others", async (t) => {
  const step = story(t);
  const { page } = await openWindow(browser);
  const signInAs = async (email, password) => {
    await page.getByRole("textbox", { name: "E-mail" }).fill(email);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  };

  await step("a page behind the sign-in asks for it", async () => {
    await page.goto(`${server.url}/metrics`);
    await heading(page, "Sign in");
  });

  await step("the first link asks for a password", async () => {
    await page.goto(server.link);
    await heading(page, "Choose your name, e-mail and password");
    assert.equal(new URL(page.url()).hash, "", "the token does not stay in the address");
    assert.equal(await page.getByRole("button", { name: "Skip for now" }).count(), 0);
    await page.getByLabel("Name", { exact: true }).fill("Ann Lee");
    await page.getByRole("textbox", { name: "E-mail" }).fill(EMAIL);
    await page.getByLabel("Password", { exact: true }).fill("short");
    await page.getByRole("button", { name: "Save and go on" }).click();
    await page.getByText("At least 10 characters", { exact: true }).waitFor();
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Save and go on" }).click();
    await heading(page, "Webhooks");
  });

  await step("the link works once", async () => {
    const { page: other, context } = await openWindow(browser);
    await other.goto(server.link);
    await other.getByText("This sign-in link does not work any more").waitFor();
    await context.close();
  });

  await step("signing out ends the session on the server", async () => {
    const { cookies } = await page.context().storageState();
    await page.getByRole("button", { name: "Your menu" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await heading(page, "Sign in");
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const { status } = await fetch(`${server.url}/v1/session`, { headers: { cookie } });
    assert.equal(status, 401);
  });

  await step("a wrong password is told, and the e-mail stays", async () => {
    await signInAs(EMAIL, "wrong horse battery staple");
    await page.getByRole("alert").getByText("E-mail or password is wrong").waitFor();
    assert.equal(await page.getByRole("textbox", { name: "E-mail" }).inputValue(), EMAIL);
  });

  await step("the right one leads to where one wanted to go", async () => {
    await page.goto(`${server.url}/setup/event-types`);
    await heading(page, "Sign in");
    await signInAs(EMAIL, PASSWORD);
    await heading(page, "Event types");
  });

  let link;
  await step("an owner invites a viewer", async () => {
    await server.call("POST", "/v1/webhooks", {
      title: "Home",
      url: "https://example.com/hooks",
      events: ["call.ended"],
    });
    await page.getByRole("link", { name: "Users" }).click();
    await heading(page, "Users");
    await page.getByRole("button", { name: "Invite", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Invite somebody" });
    await dialog.getByLabel("Name", { exact: true }).fill("Vic Stone");
    await dialog.getByRole("textbox", { name: "E-mail" }).fill("vic@example.com");
    await dialog.getByRole("radio", { name: /^Viewer/ }).check();
    await dialog.getByRole("button", { name: "Invite", exact: true }).click();
    link = await dialog.getByLabel("The link", { exact: true }).textContent();
    assert.ok(link.startsWith(`${server.url}/sign-in#link=`), link);
    await dialog.getByRole("button", { name: "Done" }).click();
    await page
      .getByRole("row")
      .filter({ hasText: "vic@example.com" })
      .getByText("Viewer")
      .waitFor();
  });

  await step("a viewer may look, and no more", async () => {
    const { page: viewer, context } = await openWindow(browser);
    await viewer.goto(link);
    await heading(viewer, "Choose your name, e-mail and password");
    assert.equal(await viewer.getByLabel("Name", { exact: true }).inputValue(), "Vic Stone");
    await viewer.getByLabel("Password", { exact: true }).fill("another long password");
    await viewer.getByRole("button", { name: "Save and go on" }).click();
    await heading(viewer, "Webhooks");
    const row = viewer.getByRole("row").filter({ hasText: "Home" });
    await row.getByLabel("View Endpoints of Home").waitFor();
    const main = viewer.getByRole("main");
    assert.equal(await main.getByRole("link", { name: "Add", exact: true }).count(), 0);
    assert.equal(await row.getByLabel("Edit Home").count(), 0);
    assert.equal(await row.getByLabel("Delete Home").count(), 0);
    for (const place of ["API keys", "Users", "Audit log"]) {
      assert.equal(await viewer.getByRole("link", { name: place }).count(), 0);
    }

    await row.getByLabel("View Endpoints of Home").click();
    await viewer.getByText("Shown only to those who may change webhooks").waitFor();
    assert.equal(await viewer.getByLabel("Reveal signing secret").count(), 0);
    assert.equal(await main.getByRole("button", { name: "Send test event" }).count(), 0);
    const status = await viewer.evaluate(async (id) => {
      return (await fetch(`/v1/webhooks/${id}/secret`)).status;
    }, new URL(viewer.url()).pathname.split("/").at(-1));
    assert.equal(status, 403, "the server does not tell it either");

    await viewer.goto(`${server.url}/settings/users`);
    await heading(viewer, "Users");
    assert.equal(await main.getByText("vic@example.com").count(), 0);
    await context.close();
  });
});
