import { expect, test } from "vitest";
import { flag, oneOf, parseSearch, stringifySearch, text, texts, time, whole } from "./search";

test("search survives the way there and back", () => {
  const address = "?status=failed&q=a+%26+b&events=call.*&events=sms.sent";
  const search = parseSearch(address);
  expect(search).toEqual({ status: "failed", q: "a & b", events: ["call.*", "sms.sent"] });
  expect(parseSearch(stringifySearch(search))).toEqual(search);
  expect(stringifySearch({ a: undefined, b: "", c: [] })).toBe("");
});

test("parameters that do not fit are left out", () => {
  expect(oneOf(["failed", "delivered"], "nonsense")).toBeUndefined();
  expect(oneOf(["failed", "delivered"], ["failed", "x"])).toBe("failed");
  expect([whole("12"), whole("-1"), whole("1e3"), whole(7)]).toEqual([12, undefined, undefined, 7]);
  expect([time("2025-01-15T00:00:00Z"), time("soon")]).toEqual(["2025-01-15T00:00:00Z", undefined]);
  expect([flag("true"), flag(true), flag("no")]).toEqual([true, true, undefined]);
  expect([text(["x"]), text(3), texts("a"), texts(undefined)]).toEqual([
    "x",
    undefined,
    ["a"],
    undefined,
  ]);
});
