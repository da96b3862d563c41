import { expect, test } from "vitest";
import { customName, fieldChoices, withColumn } from "./columns";

test("a heading is the name of a custom field", () => {
  expect(customName(" Lead Score (%) ")).toBe("custom_fields.Lead Score (%)");
  expect(customName("")).toBe("custom_fields.column");
});

test("a field leaves the column it was in", () => {
  expect(withColumn(["email", null, "city"], 1, "email")).toEqual([null, "email", "city"]);
  expect(withColumn(["email", null], 0, null)).toEqual([null, null]);
});

test("what is chosen can be chosen", () => {
  for (const chosen of ["phone_number", "custom_fields.x", "something_new"]) {
    const values = fieldChoices("Score", chosen).flatMap(({ items }) => items.map((i) => i.value));
    expect(values).toContain(chosen);
    expect(new Set(values).size).toBe(values.length);
  }
});
