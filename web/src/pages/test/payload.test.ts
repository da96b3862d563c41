import { expect, test } from "vitest";
import type { EventType } from "../../api/client";
import { asCurl, choices, faultsOf, parseData, sampleText } from "./payload";

const type = (name: string, sample: object | null = null) => ({ name, sample }) as EventType;

test("only an object is event data", () => {
  expect(parseData('{"a": 1}')).toEqual({ ok: true, data: { a: 1 } });
  for (const text of ["", "[]", "null", "3", '"a"', "{", '{"a": }']) {
    expect(parseData(text).ok, text).toBe(false);
  }
});

const schema = {
  type: "object",
  required: ["call_id"],
  properties: {
    call_id: { type: "string" },
    duration: { type: "number", minimum: 0 },
    tags: { type: "array", items: { type: "string" } },
    "a/b": { enum: ["x", null] },
  },
};

test("faults say where they are", async () => {
  const data = { duration: -1, tags: ["a", 2], "a/b": "y" };
  const places = (await faultsOf(schema, data)).map(({ at }) => at);
  expect(new Set(places)).toEqual(new Set(["", "duration", "tags.1", "a/b"]));
  expect(await faultsOf(schema, { call_id: "call_1", more: true })).toEqual([]);
});

test("a webhook is offered what it listens to", () => {
  const types = [type("call.started"), type("call.ended"), type("sms.sent")];
  const { known, others } = choices(["call.*", "deal.won"], types);
  expect(known.map(({ name }) => name)).toEqual(["call.started", "call.ended"]);
  expect(others).toEqual(["deal.won"]);
  expect(choices(["*"], types).known).toHaveLength(3);
});

test("the editor starts with the sample, or with nothing", () => {
  expect(sampleText(type("a", { b: 1 }))).toBe('{\n  "b": 1\n}');
  expect(sampleText(undefined)).toBe("{}");
});

test("a shell takes the call whatever is in it", () => {
  expect(asCurl("http://h/v1", { data: { text: "it's" } })).toContain(
    `-d '{"data":{"text":"it'\\''s"}}'`,
  );
});
