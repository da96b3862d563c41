import { expect, test } from "vitest";
import { keepView, parseViews } from "./views";

test("what was kept is read back, without what does not fit", () => {
  const kept = [
    { name: "Failed calls", filters: { status: "failed", event: "call.ended", colour: "red" } },
    { name: "", filters: {} },
    { name: "Odd", filters: { status: "exploded", within: "1h", since: "no time" } },
    7,
    null,
  ];
  expect(parseViews(JSON.stringify(kept))).toEqual([
    { name: "Failed calls", filters: { status: "failed", event: "call.ended" } },
    { name: "Odd", filters: { within: "1h" } },
  ]);
});

test.each([null, "", "{", "7", '{"name":"x"}'])("%j holds no views", (kept) => {
  expect(parseViews(kept)).toEqual([]);
});

test("a view replaces the one of its name", () => {
  const views = keepView([{ name: "a", filters: { status: "failed" } }], {
    name: "a",
    filters: {},
  });
  expect(views).toEqual([{ name: "a", filters: {} }]);
});
