import { expect, test } from "vitest";
import { lonely, stack, toCsv } from "./series";

test("series are stacked in their order, gaps counting as nothing", () => {
  const series = [
    { label: "a", values: [1, null, 3], colour: "" },
    { label: "b", values: [1, 2, null], colour: "" },
  ];
  expect(stack(series)).toEqual([
    [1, 0, 3],
    [2, 2, 3],
  ]);
});

test("values without neighbours are found", () => {
  expect(lonely([])).toEqual([]);
  expect(lonely([1])).toEqual([0]);
  expect(lonely([1, 2, null, 0, null, undefined, 4])).toEqual([3, 6]);
});

test("CSV quotes what needs it and keeps spreadsheets from computing", () => {
  expect(
    toCsv(
      ["at", "a, b"],
      [
        ["=1+1", 2],
        ['say "x"', null],
      ],
    ),
  ).toBe('at,"a, b"\r\n\'=1+1,2\r\n"say ""x""",');
});
