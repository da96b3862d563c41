import { expect, test } from "vitest";
import { match, spelled } from "./keys";

const shortcuts = ["g w", "g d", "n", "w", "mod+k"];
const none = { ctrlKey: false, metaKey: false, altKey: false };

test("sequences are followed, and a wrong second key is read on its own", () => {
  expect(match(shortcuts, "", "g")).toEqual({ found: null, typed: "g" });
  expect(match(shortcuts, "g", "w")).toEqual({ found: "g w", typed: "" });
  expect(match(shortcuts, "g", "n")).toEqual({ found: "n", typed: "" });
  expect(match(shortcuts, "g", "g")).toEqual({ found: null, typed: "g" });
  expect(match(shortcuts, "", "w")).toEqual({ found: "w", typed: "" });
  expect(match(shortcuts, "g", "x")).toEqual({ found: null, typed: "" });
});

test("Ctrl and ⌘ are the same, Alt is somebody else's", () => {
  expect(spelled({ ...none, key: "K", ctrlKey: true })).toBe("mod+k");
  expect(spelled({ ...none, key: "k", metaKey: true })).toBe("mod+k");
  expect(spelled({ ...none, key: "k", altKey: true })).toBeNull();
  expect(spelled({ ...none, key: "?" })).toBe("?");
});
