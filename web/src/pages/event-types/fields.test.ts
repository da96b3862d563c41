import { expect, test } from "vitest";
import { fieldsOf } from "./fields";

const schema = {
  type: "object",
  required: ["call_id"],
  properties: {
    call_id: { type: "string", description: "The call.", examples: ["call_1"] },
    status: { type: ["string", "null"], enum: ["busy", null] },
    tags: { type: "array", items: { type: "string" } },
    owner: {
      type: "object",
      required: ["email"],
      properties: { email: { type: "string", format: "email", "x-personal-data": true } },
    },
    steps: {
      type: "array",
      maxItems: 5,
      items: { type: "object", properties: { n: { type: "integer", minimum: 1 } } },
    },
  },
};

test("every field has a row, nested ones below what they are in", () => {
  expect(fieldsOf(schema).map(({ path, depth, type }) => [path, depth, type])).toEqual([
    ["call_id", 0, "string"],
    ["status", 0, "string | null"],
    ["tags", 0, "string[]"],
    ["owner", 0, "object"],
    ["owner.email", 1, "string"],
    ["steps", 0, "object[]"],
    ["steps[].n", 1, "integer"],
  ]);
});

test("a row says what is required, personal, and allowed", () => {
  const [call, status, , , email, steps, n] = fieldsOf(schema);
  expect(call).toMatchObject({ required: true, example: "call_1", description: "The call." });
  expect(status?.rules).toEqual(["one of busy, null"]);
  expect(email).toMatchObject({ required: true, personal: true, rules: ["email"] });
  expect(steps?.rules).toEqual(["items, at most 5"]);
  expect(n?.rules).toEqual(["at least 1"]);
});

test("whatever somebody wrote as a schema makes no row rather than an error", () => {
  for (const odd of [null, [], "x", {}, { properties: [] }, { properties: { a: null, b: true } }]) {
    expect(fieldsOf(odd)).toEqual([]);
  }
  const endless: Record<string, unknown> = { properties: {} };
  endless.properties = { again: endless };
  expect(fieldsOf(endless).length).toBeLessThan(10);
});
