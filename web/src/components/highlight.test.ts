import { expect, test } from "vitest";
import { highlightJson, prettyJson } from "./highlight";

test("JSON is cut into its kinds", () => {
  const kinds = highlightJson('{"a": -1.5e3, "b\\"": ["x:", true]}').map(({ kind, text }) => [
    kind,
    text,
  ]);
  expect(kinds).toEqual([
    ["plain", "{"],
    ["key", '"a"'],
    ["plain", ": "],
    ["number", "-1.5e3"],
    ["plain", ", "],
    ["key", '"b\\""'],
    ["plain", ": ["],
    ["text", '"x:"'],
    ["plain", ", "],
    ["word", "true"],
    ["plain", "]}"],
  ]);
});

test.each(["", '{"open', '<html>&"quoted": 1</html>', "null"])("%s loses nothing", (code) => {
  expect(
    highlightJson(code)
      .map(({ text }) => text)
      .join(""),
  ).toBe(code);
});

test("only JSON is indented", () => {
  expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(prettyJson("<html>")).toBeNull();
});
