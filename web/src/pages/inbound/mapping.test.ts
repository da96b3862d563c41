import { expect, test } from "vitest";
import type { MappingPreview } from "../../api/client";
import { customFields, pathChoices, sameMapping, withPath } from "./mapping";

test("a field is mapped and left to itself again", () => {
  const mapped = withPath({ email: "mail" }, "phone_number", "contact.phone");
  expect(mapped).toEqual({ email: "mail", phone_number: "contact.phone" });
  expect(withPath(mapped, "email", null)).toEqual({ phone_number: "contact.phone" });
});

test("the order of fields makes no other mapping", () => {
  expect(sameMapping({ a: "1", b: "2" }, { b: "2", a: "1" })).toBe(true);
  expect(sameMapping({ a: "1" }, { a: "2" })).toBe(false);
  expect(sameMapping({ a: "1" }, { b: "1" })).toBe(false);
});

test("a path that is not in the request can still be the one that is set", () => {
  const preview = { values: [{ path: "a.b", sample: "1" }] } as MappingPreview;
  expect(pathChoices(preview, "x").map(({ value }) => value)).toEqual(["a.b", "x"]);
  expect(pathChoices(preview, "a.b").map(({ value }) => value)).toEqual(["a.b"]);
  expect(customFields({ email: "x", "custom_fields.score": "y" })).toEqual(["custom_fields.score"]);
});
