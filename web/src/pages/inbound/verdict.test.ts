import { expect, test } from "vitest";
import { isRefused, refusal } from "./verdict";

test("says the first error and how many there are", () => {
  const errors = [
    { pointer: "/phone", message: "is no phone number" },
    { pointer: "/email", message: "is no address" },
  ];
  expect(refusal({ verdict: "invalid", errors, detail: null })).toBe(
    "Phone: is no phone number and 1 more.",
  );
  expect(refusal({ verdict: "invalid", errors: [], detail: "the body is no JSON" })).toBe(
    "The body is no JSON.",
  );
  expect(refusal({ verdict: "loop", errors: [], detail: null })).toMatch(/round/);
});

test("nothing to change is no refusal", () => {
  expect((["none", "created", "invalid", "unverified"] as const).map(isRefused)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});
