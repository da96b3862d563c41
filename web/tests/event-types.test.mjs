// The catalogue as TypeScript, held to the compiler; and what the pages say of data that does not
// match its schema.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { heading, openWindow, signIn, startBrowser } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";

const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));

/** Of one's own, with about everything that a schema can say. */
const schema = {
  type: "object",
  description: "Ends a comment */ here.",
  required: ["amount", "kind"],
  $defs: {
    money: { type: "object", required: ["value"], properties: { value: { type: "string" } } },
  },
  properties: {
    amount: { $ref: "#/$defs/money" },
    kind: { enum: ["new", 'quo"ted', 3, null] },
    "e-mail": { type: ["string", "null"], "x-personal-data": true },
    pair: { prefixItems: [{ type: "string" }, { type: "number" }], minItems: 1 },
    either: { anyOf: [{ type: "string" }, { type: "array", items: { type: "integer" } }] },
    both: { allOf: [{ $ref: "#/$defs/money" }, { properties: { tax: { const: true } } }] },
    labels: { type: "object", additionalProperties: { type: "number" } },
    never: false,
    "2nd": {},
  },
};

const good = `
import type { CallEndedData, EventData, EventName, WebhookEvent } from "./events";

export function told(event: WebhookEvent): string {
  switch (event.event) {
    case "call.ended": {
      const duration: number | undefined = event.data.call_duration;
      return event.data.call_id + duration + event.metadata.event_id;
    }
    case "deal.won": {
      const first: string | undefined = event.data.pair?.[0];
      const tax: true | undefined = event.data.both?.tax;
      const label: number | undefined = event.data.labels?.["x"];
      const kind: "new" | 'quo"ted' | 3 | null = event.data.kind;
      return event.data.amount.value + first + tax + label + kind + event.data["e-mail"];
    }
    case "webhook.disabled":
      return event.data.reason;
    default:
      return event.event satisfies EventName;
  }
}
export const data: EventData<"call.ended"> = { call_id: "call_1", call_status: "busy" };
export const same: CallEndedData = data;
`;

/** Each must be refused: the types are not just anything. */
const bad = [
  `export const status: import("./events").CallEndedData = { call_id: "c", call_status: "over" };`,
  `export const id: import("./events").CallEndedData = { call_duration: 1 };`,
  `export const name: import("./events").EventName = "call.imagined";`,
  `export const never: import("./events").DealWonData = { amount: { value: "" }, kind: 3, never: 1 };`,
];

/** Not waited for at a standstill: the connections to the server would be closed meanwhile. */
async function compile(folder) {
  const options = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022"];
  const files = ["good.ts", "bad.ts"].map((name) => path.join(folder, name));
  // Elsewhere it would take in the types that lie about here.
  const compiler = spawn(process.execPath, [tsc, ...options, ...files], { cwd: folder });
  let output = "";
  compiler.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const [code] = await once(compiler, "close");
  return { code, output };
}

let server;
let browser;
let page;
let complaints;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  await server.call("PUT", "/v1/event-types/deal.won", { description: schema.description, schema });
  ({ page, complaints } = await openWindow(browser));
  await signIn(page, server);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the download compiles, tells events apart and refuses what is wrong", async () => {
  await page.goto(`${server.url}/setup/event-types`);
  await heading(page, "Event types");
  await page.getByRole("button", { name: "Download" }).click();
  const downloading = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "TypeScript types" }).click();
  const downloaded = await (await downloading).path();
  const folder = mkdtempSync(path.join(tmpdir(), "posthaste-types-"));
  try {
    writeFileSync(path.join(folder, "events.d.ts"), readFileSync(downloaded));
    writeFileSync(path.join(folder, "good.ts"), good);
    writeFileSync(path.join(folder, "bad.ts"), "export {};\n");
    const compiled = await compile(folder);
    assert.equal(compiled.code, 0, compiled.output);
    for (const wrong of bad) {
      writeFileSync(path.join(folder, "bad.ts"), wrong);
      const refused = await compile(folder);
      assert.match(refused.output, /bad\.ts\(1,\d+\): error/, wrong);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  assert.deepEqual(complaints, []);
});

test("data that does not match is shown where its event type is", async () => {
  await server.publish("call.ended", { call_id: "call_1" });
  await server.publish("call.ended", { call_id: "call_2", call_duration: "180" });
  await page.goto(`${server.url}/setup/event-types/call.ended`);
  await heading(page, "Call Ended");
  await page.getByText("1 of 2 events did not match the schema.").waitFor();
  await page.getByText("/call_duration must be a number").waitFor();
  await page.goto(`${server.url}/setup/event-types`);
  await page
    .getByRole("listitem")
    .filter({ hasText: "call.ended" })
    .getByText("1 invalid")
    .waitFor();
  assert.deepEqual(complaints, []);
});

test("the account is set to refuse it", async () => {
  await page.goto(`${server.url}/settings`);
  await heading(page, "Settings");
  const choice = page.getByRole("radio", { name: "Refuse" });
  await page.getByRole("radio", { name: "Accept and count", checked: true }).waitFor();
  await choice.click();
  await page.getByText("it holds for what is published from now on").waitFor();
  await assert.rejects(server.publish("call.ended", {}), /422 .*data_does_not_match_schema/);
  await page.getByRole("radio", { name: "Refuse", checked: true }).waitFor();
  assert.deepEqual(complaints, []);
});
