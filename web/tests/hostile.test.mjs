// Text that would like to be code, wherever somebody can put it: it is shown as text, runs nowhere,
// and does not get as far as the content security policy.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openWindow, settled, signIn, startBrowser } from "./support/browser.mjs";
import { until } from "./support/data.mjs";
import { startReceiver } from "./support/receiver.mjs";
import { startServer } from "./support/server.mjs";

/** What each of them would do. */
const RUN = "window.ran=1";
const corpus = [
  `<script>${RUN}</script>`,
  `"><script>${RUN}</script>`,
  `'--></style></script><script>${RUN}</script>`,
  `<img src=x onerror=${RUN}>`,
  `" onmouseover="${RUN}" x="`,
  `' autofocus onfocus='${RUN}`,
  `<svg onload=${RUN}>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><a xlink:href="javascript:${RUN}"><text y=9>x</text></a></svg>`,
  `<iframe src="javascript:parent.ran=1"></iframe>`,
  `<iframe srcdoc="<script>parent.ran=1</script>"></iframe>`,
  `<a href="javascript:${RUN}">click</a>`,
  `javascript:${RUN}//`,
  `<details open ontoggle=${RUN}>x</details>`,
  `<input autofocus onfocus=${RUN}>`,
  `<video><source onerror=${RUN}></video>`,
  `<math><mtext><mglyph><style><img src=x onerror=${RUN}>`,
  `<object data="javascript:${RUN}"></object>`,
  `<embed src="data:text/html,<script>${RUN}</script>">`,
  `<link rel=stylesheet href=//evil.example/x.css>`,
  `<meta http-equiv=refresh content="0;url=//evil.example">`,
  `<base href="//evil.example/">`,
  `<form action=//evil.example><button>x</button></form>`,
  `<style>@import "//evil.example/x.css";</style>`,
  `</title><script>${RUN}</script>`,
  `</textarea><script>${RUN}</script>`,
  `{{constructor.constructor('${RUN}')()}}`,
  `\${${RUN}}`,
  `&lt;script&gt;${RUN}&lt;/script&gt;`,
  `%3Cscript%3E${RUN}%3C/script%3E`,
  `');${RUN};//`,
  "__proto__",
];
/** Elements of the corpus that no page of the dashboard has. */
const PLANTED =
  "main script, iframe, object, embed, base, main form[action], [href^='javascript:']";

let server;
let receiver;
let browser;
before(async () => {
  const headers = Object.fromEntries(corpus.map((text, n) => [`x-hostile-${n}`, text]));
  const answer = {
    status: 422,
    headers: { "content-type": "text/html", ...headers },
    body: corpus.join("\n"),
  };
  [server, receiver, browser] = await Promise.all([
    startServer(),
    startReceiver(() => answer),
    startBrowser(),
  ]);
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), receiver?.stop()]);
});

/** A file whose cells and headings are of the corpus. */
function hostileFile() {
  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  const heading = ["phone_number", "first_name", ...corpus.map(quoted)].join(",");
  const rows = corpus.map((text, n) =>
    [`+12025552${100 + n}`, quoted(text), ...corpus.map(quoted)].join(","),
  );
  return [heading, ...rows, ["12", ...corpus.slice(0, 1), ...corpus].map(quoted).join(",")].join(
    "\n",
  );
}

/** Lists, contacts, imports and requests that are full of it. */
async function hostileContacts() {
  const lists = [];
  for (const text of corpus) {
    const made = { name: text, description: text };
    lists.push(await server.call("POST", "/v1/powerlists", made));
  }
  const list = lists[3];
  let contact;
  for (const [n, text] of corpus.entries()) {
    contact = await server.call("POST", `/v1/powerlists/${list.id}/contacts`, {
      phone_number: `+1202555${1000 + n}`,
      first_name: text,
      city: text,
      tags: n === corpus.length - 1 ? corpus : [text],
      custom_fields: Object.fromEntries(
        corpus.map((each, m) => [`f${m} ${each}`.slice(0, 100), each]),
      ),
    });
  }
  const query = new URLSearchParams({ file_name: corpus[3] });
  const started = await server.upload(
    `/v1/powerlists/${list.id}/imports?${query}&columns=${encodeURIComponent(
      JSON.stringify(["phone_number", "first_name", ...corpus.map(() => null)]),
    )}`,
    hostileFile(),
  );
  const job = await until(
    () => server.call("GET", `/v1/jobs/${started.id}`),
    ({ state }) => state === "done",
  );
  const receiving = await server.call("POST", "/v1/webhooks", {
    title: corpus[0],
    direction: "inbound",
    powerlist_id: list.id,
    events: ["contact"],
  });
  await fetch(server.url + receiving.endpoints[0].path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-hostile": "<script>" },
    body: JSON.stringify({ phone: "12", email: corpus[0], ...corpus.slice(0, 8) }),
  });
  const { data } = await server.call("GET", `/v1/webhooks/${receiving.id}/requests`);
  return { list, contact, receiving, request: data[0], job };
}

test("nothing that somebody wrote becomes code", async (t) => {
  const { page, complaints } = await openWindow(browser);
  await signIn(page, server);
  const data = Object.fromEntries(corpus.map((text, n) => [text, { [`n${n}`]: text }]));
  const webhooks = [];
  for (const [n, text] of corpus.entries()) {
    const webhook = {
      title: text,
      description: text,
      url: `${receiver.url}/${n}?${text}`,
      events: ["hostile.n0"],
      headers: { "x-hostile": text },
      retry_delays_s: [0],
    };
    webhooks.push(await server.call("POST", "/v1/webhooks", webhook));
    await server.call("POST", "/v1/event-types", {
      name: `hostile.n${n}`,
      group: text.slice(0, 50),
      description: text,
      use_cases: [text],
      schema: { title: text, description: text, properties: { [text]: { description: text } } },
      sample: data,
    });
    await server.call("POST", "/v1/api-keys", { name: text, role: "read" });
    const email = `hostile${n}@example.com`;
    await server.call("POST", "/v1/users", { name: text, email, role: "viewer" });
  }
  const contacts = await hostileContacts();
  const event = await server.publish("hostile.n0", data);
  const webhook = webhooks[0];
  const { data: deliveries } = await until(
    () => server.call("GET", `/v1/deliveries?webhook_id=${webhook.id}&limit=1`),
    (answer) => answer.data[0]?.status === "failed",
  );
  const delivery = deliveries[0];

  /** Opens a page, does something there, and expects to read these texts. */
  const visit = (path, texts = [], act = async () => {}) =>
    t.test(path.replace(/_\w{8,}/, "_…"), async () => {
      await page.goto(server.url + path);
      await settled(page);
      await act();
      for (const text of texts) {
        await page.waitForFunction(
          // biome-ignore lint/performance/useDomNodeTextContent: only what is shown counts.
          (wanted) => document.body.innerText.replace(/\s+/g, " ").includes(wanted),
          text.replace(/\s+/g, " "),
        );
      }
      const { ran, planted } = await page.evaluate(
        (selector) => ({
          ran: window.ran,
          planted: [...document.querySelectorAll(selector)].map(({ outerHTML }) => outerHTML),
        }),
        PLANTED,
      );
      assert.equal(ran, undefined, "a script ran");
      assert.deepEqual(planted, []);
    });
  const click = (role, name) => () => page.getByRole(role, { name, exact: true }).first().click();
  const asJson = corpus.map((text) => JSON.stringify(text));

  await visit("/setup/webhooks", corpus);
  await visit("/setup/webhooks", [`Delete ${corpus[0]}?`], click("button", `Delete ${corpus[0]}`));
  await visit("/setup/webhooks", [corpus[3]], async () => {
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("Go to a page, a webhook or an id").fill(corpus[3]);
  });
  await visit(`/setup/webhooks?q=${encodeURIComponent(corpus[3])}`, [corpus[3]]);
  await visit("/setup/webhooks/new", corpus, async () => {
    await page.getByRole("button", { name: /^Endpoint/ }).click();
    await page.getByLabel("Search event types").fill("hostile");
    await page.getByText("hostile.n3", { exact: true }).hover();
  });
  for (const n of [0, 4, 12]) {
    const { id } = webhooks[n];
    await visit(`/setup/webhooks/${id}`, [corpus[n]]);
  }
  for (const tab of ["metrics", "test", "code", "settings", "activity"]) {
    await visit(`/setup/webhooks/${webhook.id}?tab=${tab}`, [corpus[0]]);
  }
  await visit(`/setup/webhooks/${webhook.id}/edit`, [corpus[0]]);
  const { list, contact, receiving, request, job } = contacts;
  await visit("/setup/powerlists", corpus);
  await visit(`/setup/powerlists/${list.id}`, [...corpus, list.name]);
  await visit(`/setup/powerlists/${list.id}?selected=${contact.id}`, corpus);
  await visit(`/setup/powerlists/${list.id}?tab=imports`, [corpus[3]]);
  await visit(`/setup/powerlists/${list.id}?tab=settings`, [list.name]);
  await visit(`/setup/powerlists/${list.id}?q=${encodeURIComponent(corpus[3])}`);
  await visit(`/setup/powerlists/${list.id}?tag=${encodeURIComponent(corpus[3])}`);
  await visit(`/setup/powerlists/${list.id}/imports/${job.id}`, [corpus[3]]);
  await visit(`/setup/powerlists/${list.id}/import`, [corpus[3]], () =>
    page.getByLabel("CSV file").setInputFiles({
      name: `${corpus[3].replaceAll("/", "_")}.csv`,
      mimeType: "text/csv",
      buffer: Buffer.from(hostileFile()),
    }),
  );
  await visit(`/contacts/${contact.id}`, corpus);
  await visit(`/contacts/${contact.id}`, [], click("button", "Edit"));
  await visit(`/setup/webhooks/${receiving.id}?selected=${request.id}`, asJson.slice(0, 5));
  await visit(`/setup/webhooks/${receiving.id}?tab=mapping`, [corpus[0]]);
  await visit(`/setup/webhooks/${receiving.id}?tab=code`, [corpus[0]]);
  await visit("/setup/event-types", corpus);
  await visit("/setup/event-types/hostile.n0", asJson);
  await visit("/setup/event-types/hostile.n3", [corpus[3]]);
  await visit("/setup/api-keys", corpus);
  await visit("/setup/api-keys", [`Delete ${corpus[3]}?`], click("button", `Delete ${corpus[3]}`));
  await visit("/deliveries", corpus);
  await visit(`/deliveries?selected=${delivery.id}`, [corpus[0]]);
  await visit(`/deliveries/${delivery.id}`, corpus);
  await visit(`/deliveries/${delivery.id}`, asJson, click("tab", "Request"));
  await visit(`/events/${event.id}`, asJson);
  await visit("/metrics");
  await visit("/inbox", [], () => page.getByText("hostile.n0").first().waitFor());
  await visit("/settings/users", corpus);
  await visit("/settings/audit-log", [corpus[25]]);
  await visit(`/settings/audit-log?target=${encodeURIComponent(corpus[1])}`);
  await visit(`/sign-in?next=${encodeURIComponent(`javascript:${RUN}`)}`);
  await visit(`/nowhere/${encodeURIComponent(corpus[3])}`);
  await visit(`/deliveries?event=${encodeURIComponent(corpus[3])}`);
  await visit("/sign-in?next=//evil.example/");
  assert.equal(new URL(page.url()).origin, server.url);
  // One of the addresses asks for what the server refuses.
  const refusal = "the server responded with a status of 422";
  assert.deepEqual(
    complaints.filter((complaint) => !complaint.includes(refusal)),
    [],
  );
});
