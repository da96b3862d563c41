import { expect, test } from "vitest";
import {
  firstSentence,
  formatBytes,
  formatDuration,
  formatIso,
  formatMinutes,
  formatRelative,
  formatSeconds,
  formatShare,
} from "./format";

test.each([
  [0, "0 ms"],
  [820, "820 ms"],
  [1_000, "1 s"],
  [1_234, "1.23 s"],
  [12_345, "12 s"],
  [80_000, "1 min 20 s"],
  [120_000, "2 min"],
  [3_600_000, "1 h"],
  [7_505_000, "2 h 5 min"],
  [90_000_000, "1 d 1 h"],
])("%i ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

test.each([
  ["2025-01-15T14:29:55Z", "5 s ago"],
  ["2025-01-15T14:29:59.500Z", "just now"],
  ["2025-01-15T14:25:10Z", "4 min ago"],
  ["2025-01-15T11:29:00Z", "3 h ago"],
  ["2025-01-13T11:29:00Z", "2 d ago"],
  ["2025-01-15T14:31:19.200Z", "in 1 min 20 s"],
])("%s is %s", (at, text) => {
  expect(formatRelative(at, Date.parse("2025-01-15T14:30:00Z"))).toBe(text);
});

test.each([
  [1, "100%"],
  [0.99999, "99.9%"],
  [0.5, "50%"],
  [0.0001, "<0.1%"],
  [0, "0%"],
])("a share of %d is %s", (share, text) => expect(formatShare(share)).toBe(text));

test("times look as the table of webhooks promises", () => {
  const local = new Date(2025, 0, 10, 22, 40, 25).toISOString();
  expect(formatSeconds(local)).toBe("2025-01-10 22:40:25");
  expect(formatMinutes(local)).toBe("2025-01-10 10:40 PM");
  expect(Date.parse(formatIso(local))).toBe(Date.parse(local));
});

test("bytes have binary units", () => {
  expect([0, 1023, 1024, 262_144, 1_610_612_736].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1 KiB",
    "256 KiB",
    "1.5 GiB",
  ]);
});

test("the first sentence ends at a full stop, not at an abbreviation", () => {
  expect(firstSentence("Sent once, e.g. for a call. More follows.")).toBe(
    "Sent once, e.g. for a call.",
  );
  expect(firstSentence("No full stop")).toBe("No full stop");
  expect(firstSentence("Has v1.0 inside. Next.")).toBe("Has v1.0 inside.");
});
