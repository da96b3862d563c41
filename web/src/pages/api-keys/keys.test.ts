import { expect, test } from "vitest";
import { tryOut } from "./keys";

test("a key that only reads lists webhooks, all others post an event", () => {
  const event = { event: "sms.received", data: { body: "it's" } };
  expect(tryOut("http://h", "phk_1", "read", event)).toBe(
    "curl http://h/v1/webhooks -H 'authorization: Bearer phk_1'",
  );
  expect(tryOut("http://h", "phk_1", "publish", event)).toBe(
    [
      "curl http://h/v1/events -H 'authorization: Bearer phk_1' \\",
      "  -H 'content-type: application/json' \\",
      `  -d '{"event":"sms.received","data":{"body":"it'\\''s"}}'`,
    ].join("\n"),
  );
});
