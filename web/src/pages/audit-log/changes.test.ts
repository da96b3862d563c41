import { expect, test } from "vitest";
import { fieldWord, readChange } from "./changes";

const read = (before: unknown, after: unknown) => readChange({ field: "x", before, after });

test("of lists, what came and what went is told", () => {
  expect(read(["*"], ["call.*", "sms.sent"])).toEqual({
    is: "list",
    added: ["call.*", "sms.sent"],
    removed: ["*"],
  });
  expect(read(null, ["call.*"])).toEqual({ is: "list", added: ["call.*"], removed: [] });
  expect(read(["a", "b"], ["b", "a"])).toEqual({ is: "value", before: "a, b", after: "b, a" });
});

test("of secrets, only that they changed", () => {
  expect(read("[redacted]", "[redacted]")).toEqual({ is: "secret", word: "changed" });
  expect(read(null, "[redacted]")).toEqual({ is: "secret", word: "set" });
  expect(read("[redacted]", null)).toEqual({ is: "secret", word: "removed" });
});

test("other values are read as text", () => {
  expect(read("CRM", "CRM 2")).toEqual({ is: "value", before: "CRM", after: "CRM 2" });
  expect(read([0, 30], [0, 60])).toEqual({ is: "value", before: "0, 30", after: "0, 60" });
  expect(read(null, 15_000)).toEqual({ is: "value", before: null, after: "15000" });
  expect(read(false, true)).toEqual({ is: "value", before: "no", after: "yes" });
  expect(read({ a: [1] }, null)).toEqual({ is: "value", before: '{"a":[1]}', after: null });
});

test("fields have names for people", () => {
  expect(fieldWord("url")).toBe("URL");
  expect(fieldWord("retry_delays_s")).toBe("Retry delays (s)");
  expect(fieldWord("timeout_ms")).toBe("Timeout (ms)");
  expect(fieldWord("rate_limit_per_s")).toBe("Rate limit (per s)");
  expect(fieldWord("status")).toBe("Status");
});
