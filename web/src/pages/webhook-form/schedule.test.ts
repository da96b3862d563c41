import { expect, test } from "vitest";
import { parseSchedule, presets, scheduleSentence, writeSchedule } from "./schedule";

test("reads delays as people write them", () => {
  const check = (text: string, delays: number[] | null) =>
    expect(parseSchedule(text), text).toEqual(delays);
  check("0 s, 30 s, 2 min, 8 min, 32 min", [0, 30, 120, 480, 1920]);
  check("0,30,120", [0, 30, 120]);
  check("0; 2m; 1 hour;", [0, 120, 3600]);
  check("1 min 30 s", [90]);
  check("1h30m", [5400]);
  check("2 Days", [172_800]);
  check("", null);
  check("soon", null);
  check("-5 s", null);
  check("5 fortnights", null);
  check("1.5 min", null);
});

test("what is written is read back as the same", () => {
  for (const { delays_s } of [...presets, { delays_s: [5_000, 86_399, 90] }])
    expect(parseSchedule(writeSchedule(delays_s))).toEqual(delays_s);
});

test("says a schedule in a sentence", () => {
  expect(scheduleSentence([0, 30, 120, 480, 1920])).toBe(
    "5 attempts: at once, then 30 s, 2 min, 8 min and 32 min after the one before. " +
      "A delivery that fails every time has failed after about 42 min 30 s.",
  );
  expect(scheduleSentence([0])).toBe("One attempt, at once. If it fails, the delivery has failed.");
  expect(scheduleSentence([10, 20])).toBe(
    "2 attempts: after 10 s, then 20 s after the one before. " +
      "A delivery that fails every time has failed after about 30 s.",
  );
});
