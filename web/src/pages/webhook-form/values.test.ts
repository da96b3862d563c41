import { expect, test } from "vitest";
import { ApiProblem, type InboundWebhook, type OutboundWebhook } from "../../api/client";
import { blank, changed, placed, read, readInbound, valuesOf } from "./values";

const webhook = {
  direction: "outbound",
  title: "CRM Integration",
  powerlist_id: null,
  events: ["call.ended", "sms.*"],
  url: "https://example.com/hooks",
  description: "",
  headers: { authorization: "Bearer 1" },
  signature_format: "hex",
  timeout_ms: 15_000,
  retry_delays_s: [0, 30, 120],
  max_in_flight: 64,
  rate_limit: { count: 5, per_s: 1 },
} as unknown as OutboundWebhook;

const receiving = {
  direction: "inbound",
  title: "CRM",
  powerlist_id: "pl_1",
  events: ["contact"],
  description: "",
  verification: { scheme: "github" },
  rate_limit: { count: 50, per_s: 1 },
} as unknown as InboundWebhook;

function settings(values = valuesOf(webhook)) {
  const got = read(values);
  if ("errors" in got) throw new Error(JSON.stringify(got.errors));
  return got.settings;
}

test("a webhook that nobody touched changes nothing", () => {
  expect(changed(settings(), webhook)).toEqual({});
});

test("only what differs is sent", () => {
  const values = { ...valuesOf(webhook), title: " Home ", limited: false, schedule: "0, 5" };
  expect(changed(settings(values), webhook)).toEqual({
    title: "Home",
    rate_limit: null,
    retry_delays_s: [0, 5],
  });
});

test("says what cannot be written into a request", () => {
  const values = {
    ...blank(undefined),
    schedule: "later",
    timeout_ms: "",
    headers: [
      { name: "", value: "1" },
      { name: "X-A", value: "1" },
      { name: "x-a", value: "2" },
      { name: "", value: "" },
    ],
  };
  const got = read(values);
  expect("errors" in got && Object.keys(got.errors).sort()).toEqual([
    "headers.0.name",
    "headers.2.name",
    "schedule",
    "timeout_ms",
  ]);
});

test("the server's messages find their fields", async () => {
  const pointers = [
    "/title",
    "/events/0",
    "/headers/X-Host",
    "/retry_delays_s/1",
    "/rate_limit/per_s",
    "/filter",
  ];
  const body = JSON.stringify({
    errors: pointers.map((pointer) => ({ pointer, message: `wrong ${pointer}` })),
  });
  const problem = await ApiProblem.of(new Response(body, { status: 422 }));
  const values = { ...blank(undefined), headers: [{ name: "x-host", value: "" }] };
  const { errors, rest } = placed(problem, values);
  expect(Object.keys(errors)).toEqual([
    "title",
    "events",
    "headers.0.name",
    "schedule",
    "rate_per_s",
  ]);
  expect(rest).toEqual(["/filter: wrong /filter"]);
});

test("a webhook that receives and that nobody touched changes nothing", () => {
  const got = readInbound(valuesOf(receiving), receiving);
  expect("settings" in got && changed(got.settings, receiving)).toEqual({});
});

test("verification is sent when it is another one", () => {
  const sent = (of: object, before?: InboundWebhook) => {
    const got = readInbound({ ...valuesOf(receiving), ...of }, before);
    return "settings" in got ? got.settings.verification : got.errors;
  };
  expect(sent({ scheme: "none" }, receiving)).toBe(null);
  expect(sent({ verification_secret: "s" }, receiving)).toEqual({ scheme: "github", secret: "s" });
  expect(sent({ scheme: "posthaste" }, receiving)).toEqual({ scheme: "posthaste" });
  expect(sent({ scheme: "none" })).toBe(undefined);
  expect(sent({ powerlist_id: "" })).toHaveProperty("powerlist_id");
});

test("complaints about one that receives find their fields", async () => {
  const pointers = [
    "/events",
    "/verification/secret",
    "/rate_limit/per_s",
    "/powerlist_id",
    "/url",
  ];
  const errors = pointers.map((pointer) => ({ pointer, message: "no" }));
  const problem = await ApiProblem.of(new Response(JSON.stringify({ errors }), { status: 422 }));
  expect(placed(problem, valuesOf(receiving))).toEqual({
    errors: {
      operations: "no",
      verification_secret: "no",
      inbound_per_s: "no",
      powerlist_id: "no",
    },
    rest: ["/url: no"],
  });
});
