import { expect, test } from "vitest";
import { fromField, toField } from "./local";

test("a field's local time comes back as it was", () => {
  for (const field of ["2025-01-15T14:30", "2025-07-15T00:00", ""]) {
    expect(toField(fromField(field))).toBe(field);
  }
  expect(fromField("2025-13-45T00:00")).toBeUndefined();
  expect(toField("never")).toBe("");
});
