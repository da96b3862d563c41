import { expect, test } from "vitest";
import { checkedText } from "./checks";

test.each([
  [0, 0, "No event was compared with the schema."],
  [1, 0, "1 event matched the schema."],
  [120, 0, "All 120 events matched the schema."],
  [1, 1, "1 event did not match the schema."],
  [7, 7, "None of 7 events matched the schema."],
  [120, 3, "3 of 120 events did not match the schema."],
])("%d checked, %d invalid", (checked_events, invalid_events, text) => {
  expect(checkedText({ checked_events, invalid_events })).toBe(text);
});
