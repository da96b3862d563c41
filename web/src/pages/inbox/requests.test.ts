import { expect, test } from "vitest";
import { found, headerOf, type InboxRequest, isName, merged } from "./requests";

function request(number: number): InboxRequest {
  const headers: [string, string][] = [["X-Webhook-Event", "call.ended"]];
  const at = "2025-01-15T14:30:25Z";
  return { number, at, name: "crm", headers, body: '{"a":"Zoë"}', answered: 503, verdict: null };
}

test("what came since is put on top", () => {
  const before = merged({ requests: [], since: 0 }, answer([1, 2], 2));
  const after = merged(before, answer([3], 3));
  expect(after.requests.map(({ number }) => number)).toEqual([3, 2, 1]);
  expect(after.since).toBe(3);
});

test("a server that was started again begins anew", () => {
  const before = merged({ requests: [], since: 0 }, answer([1, 2, 3], 3));
  expect(merged(before, answer([], 0))).toEqual({ requests: [], since: 0 });
});

function answer(numbers: number[], next_since: number) {
  return { data: numbers.map(request), next_since, more: false };
}

test("words are looked for everywhere", () => {
  expect(found(request(1), "zoë CALL.ended")).toBe(true);
  expect(found(request(1), "zoë sms")).toBe(false);
  expect(headerOf(request(1), "x-webhook-event")).toBe("call.ended");
});

test("a name is what the server takes", () => {
  expect(["crm", "a-b_c.1"].every(isName)).toBe(true);
  expect(["", "a b", "a/b", "é", "x".repeat(101)].some(isName)).toBe(false);
});
