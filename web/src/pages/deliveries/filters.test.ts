import { expect, test } from "vitest";
import {
  type Filters,
  filterCount,
  filtersOf,
  idKind,
  lookedFor,
  matches,
  parseCode,
  readOn,
} from "./filters";
import { sampleDelivery } from "./sample";

const now = Date.parse("2025-01-15T15:00:00.000Z");

test.each<[Filters, boolean]>([
  [{}, true],
  [{ webhook_id: "wh_1" }, true],
  [{ webhook_id: "wh_2" }, false],
  [{ event: "call.ended", event_id: "evt_1" }, true],
  [{ event: "call.started" }, false],
  [{ status: "failed" }, true],
  [{ status: "delivered" }, false],
  [{ status_code: "502" }, true],
  [{ status_code: "500" }, false],
  [{ status_code: "5xx" }, true],
  [{ status_code: "4xx" }, false],
  [{ outcome: "rejected" }, true],
  [{ outcome: "timed_out" }, false],
  [{ trigger: "test" }, false],
  [{ within: "15m" }, false],
  [{ within: "1h" }, true],
  [{ since: "2025-01-15T14:30:00Z" }, true],
  [{ until: "2025-01-15T14:30:00Z" }, false],
])("%j matches: %s", (filters, expected) => {
  expect(matches(sampleDelivery(), filters, now)).toBe(expected);
});

test("a delivery without an attempt has no status code", () => {
  const pending = sampleDelivery({ last_attempt: null });
  expect(matches(pending, { status_code: "5xx" }, now)).toBe(false);
  expect(matches(pending, { outcome: "rejected" }, now)).toBe(false);
  expect(matches(pending, {}, now)).toBe(true);
});

test.each([
  ["500", "500"],
  [" 5XX ", "5xx"],
  ["4", "4xx"],
  ["4x", "4xx"],
  ["600", undefined],
  ["abc", undefined],
  ["", undefined],
])("status code %j", (text, code) => {
  expect(parseCode(text)).toBe(code);
});

test("a range of time counts as one filter, and a webhook's own log does not count the webhook", () => {
  const filters: Filters = {
    webhook_id: "wh_1",
    since: "2025-01-15T14:30:00Z",
    until: "2025-01-15T15:30:00Z",
    status: "failed",
  };
  expect(filterCount(filters)).toBe(3);
  expect(filterCount(filters, "webhook_id")).toBe(2);
  expect(filterCount({})).toBe(0);
});

test("what the log is shown like is no filter", () => {
  expect(filtersOf({ live: true, selected: "dlv_1", cursor: "x", status: "failed" })).toEqual({
    status: "failed",
  });
});

test.each<[Filters, boolean]>([
  [{ status_code: "500", status: "failed" }, false],
  [{ status_code: "5xx" }, true],
  [{ outcome: "timed_out" }, true],
  [{ trigger: "test" }, true],
])("%j is looked for in the browser: %s", (filters, expected) => {
  expect(lookedFor(filters)).toBe(expected);
});

test.each([
  ["dlv_07006qqg40300", "delivery"],
  ["evt_07006qqg401g0", "event"],
  ["wh_07006qph00000", "webhook"],
  ["dlv_", undefined],
  ["hello", undefined],
])("%s is the id of a %s", (id, kind) => {
  expect(idKind(id)).toBe(kind);
});

/** A page of the log out of answers that have so many rows each; what it read, and what is left. */
async function page(answers: number[], isWanted: (id: string) => boolean = () => true) {
  let calls = 0;
  const read = async (cursor: string | undefined) => {
    const n = Number(cursor ?? 0);
    calls += 1;
    const data = Array.from({ length: answers[n] ?? 0 }, (_, row) =>
      sampleDelivery({ id: `dlv_${n}_${row}` }),
    );
    return { data, next_cursor: n + 1 < answers.length ? String(n + 1) : null };
  };
  const { data, next_cursor, looked_through } = await readOn(read, undefined, ({ id }) =>
    isWanted(id),
  );
  return { rows: data.length, calls, next: next_cursor, looked_through };
}

test("a page of the log is read until it is full, the list ends, or it took enough calls", async () => {
  const full = { rows: 50, calls: 1, next: "1", looked_through: 50 };
  expect(await page([50, 50])).toEqual(full);
  expect(await page([4, 0, 50, 50])).toEqual({ rows: 54, calls: 3, next: "3", looked_through: 54 });
  expect(await page([0, 3])).toEqual({ rows: 3, calls: 2, next: null, looked_through: 3 });
  expect(await page([])).toEqual({ rows: 0, calls: 1, next: null, looked_through: 0 });
  const silent = new Array(30).fill(0);
  expect(await page(silent)).toEqual({ rows: 0, calls: 5, next: "5", looked_through: 0 });
  const rare = await page(new Array(30).fill(200), (id) => id.endsWith("_7"));
  expect(rare).toEqual({ rows: 5, calls: 5, next: "5", looked_through: 1_000 });
});
