import { expect, test } from "vitest";
import {
  busiest,
  errorRate,
  errorSeries,
  formatChange,
  formatRate,
  lastedS,
  periodBefore,
  rangeLengths,
  stepFor,
  successShare,
  trend,
  wholeMinutes,
} from "./numbers";

const nothing = {
  events: 0,
  attempts: 0,
  delivered: 0,
  failed: 0,
  retries: 0,
  by_status_class: { "1xx": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0 },
  by_error: { timeout: 0, dns: 0 },
  average_ms: null,
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
  max_ms: null,
  peak_per_second: 0,
};
const bucket = (change: object) => ({ ...nothing, at: "2025-01-15T14:30:00Z", ...change });

test("ranges are cut into a readable number of buckets", () => {
  expect(Object.values(rangeLengths).map(stepFor)).toEqual([60, 900, 10_800, 21_600]);
  expect(stepFor(365 * 86_400_000)).toBe(86_400);
});

test("a dragged range becomes whole minutes, never none", () => {
  expect(wholeMinutes("2025-01-15T14:30:10Z", "2025-01-15T14:30:11Z")).toEqual({
    from: "2025-01-15T14:30:00.000Z",
    to: "2025-01-15T14:31:00.000Z",
  });
  expect(wholeMinutes("2025-01-15T14:30:00Z", "2025-01-15T14:30:00Z").to).toBe(
    "2025-01-15T14:31:00.000Z",
  );
});

test("the period before ends where the period begins", () => {
  expect(periodBefore("2025-01-15T14:00:00.000Z", "2025-01-15T15:00:00.000Z")).toEqual({
    from: "2025-01-15T13:00:00.000Z",
    to: "2025-01-15T14:00:00.000Z",
  });
});

test("shares are unknown rather than perfect while nothing has ended", () => {
  expect(successShare(nothing)).toBeNull();
  expect(errorRate(nothing)).toBeNull();
  expect(successShare({ ...nothing, delivered: 3, failed: 1 })).toBe(0.75);
  const bad = {
    by_status_class: { "2xx": 6, "5xx": 3 },
    by_error: { timeout: 1, rate_limited: 2 },
  };
  expect(errorRate({ ...nothing, attempts: 10, ...bad })).toBe(0.4);
});

test("errors are shown by what went wrong, without kinds that did not occur", () => {
  const series = errorSeries([
    bucket({ by_status_class: { "2xx": 5, "5xx": 2 }, by_error: { dns: 1, tls: 1 } }),
  ]);
  expect(series.map(({ label, values }) => [label, values[0]])).toEqual([
    ["5xx", 2],
    ["No connection", 2],
  ]);
  expect(errorSeries([bucket({})])).toHaveLength(2);
});

test("the trend weighs by attempts", () => {
  const before = [
    bucket({ attempts: 1, average_ms: 900 }),
    bucket({ attempts: 9, average_ms: 100 }),
  ];
  expect(trend([...before, bucket({}), bucket({ attempts: 5, average_ms: 90 })])).toBe(-0.5);
  expect(trend([bucket({}), bucket({ attempts: 1, average_ms: 5 })])).toBeNull();
});

test("the busiest bucket is the first of the highest", () => {
  const [low, high, same] = [1, 7, 7].map((n, minute) =>
    bucket({ peak_per_second: n, at: `2025-01-15T14:3${minute}:00Z` }),
  );
  expect(busiest([low, high, same] as never)).toBe(high);
  expect(busiest([bucket({})])).toBeNull();
});

test("rates and changes read well", () => {
  expect([0, 120.4, 1.25, 0.5, 0.001].map(formatRate)).toEqual([
    "0",
    "120/s",
    "1.3/s",
    "30/min",
    "3.6/h",
  ]);
  expect([0.123, -0.031, 0, 1.5].map(formatChange)).toEqual(["+12%", "−3.1%", "±0%", "+150%"]);
});

test("a bucket that has not ended is measured by what has passed of it", () => {
  const buckets = ["14:30:00", "14:31:00"].map((time) => bucket({ at: `2025-01-15T${time}Z` }));
  const statistics = { buckets, step: 60, to: "2025-01-15T14:31:15Z" };
  expect(lastedS(statistics as never)).toEqual([60, 15]);
});
