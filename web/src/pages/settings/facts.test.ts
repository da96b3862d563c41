import { expect, test } from "vitest";
import { formatDuration } from "../../format";
import { scheduleText, settingNames } from "./facts";

test("a setting has three names", () => {
  expect(settingNames("retention_days")).toEqual({
    flag: "--retention-days",
    variable: "POSTHASTE_RETENTION_DAYS",
    toml: "retention_days",
  });
});

test("a retry schedule is read as a sentence", () => {
  expect(scheduleText([0, 30, 120], formatDuration)).toBe("at once, then after 30 s, 2 min");
  expect(scheduleText([5], formatDuration)).toBe("after 5 s");
  expect(scheduleText([], formatDuration)).toBe("none");
});
