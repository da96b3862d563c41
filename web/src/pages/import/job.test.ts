import { expect, test } from "vitest";
import type { Job } from "../../api/client";
import { progressWords, shareDone, summary } from "./job";

function job(of: Partial<Job>, progress: Partial<Job["progress"]> = {}): Job {
  return {
    id: "job_1",
    type: "import",
    state: "running",
    powerlist_id: "pl_1",
    file_name: "a.csv",
    file_bytes: 1_000,
    error: null,
    rows_per_s: null,
    created_at: "2025-01-10T00:00:00Z",
    started_at: "2025-01-10T00:00:01Z",
    ended_at: null,
    ...of,
    progress: {
      rows: 400,
      rows_done: 100,
      bytes_done: 250,
      created: 0,
      updated: 0,
      unchanged: 0,
      skipped: 0,
      ...progress,
    },
  };
}

test("the bar never goes back from one state to the next", () => {
  const states = [
    job({ state: "waiting" }, { rows: null, rows_done: 0, bytes_done: 0 }),
    job({ state: "checking" }, { rows: null, rows_done: 0, bytes_done: 500 }),
    job({}, { rows_done: 0, bytes_done: 0 }),
    job({}, { rows_done: 200 }),
    job({ state: "done" }, { rows_done: 400 }),
  ];
  const shares = states.map(shareDone);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
  expect(shareDone(job({}, { rows: 0, rows_done: 0, bytes_done: 0 }))).toBeLessThan(1);
});

test("says how fast it is and how long it takes", () => {
  expect(progressWords(job({ rows_per_s: 100 }))).toBe("100 of 400 rows · 100 rows/s · 3 s left");
  expect(progressWords(job({ rows_per_s: null }))).toBe("100 of 400 rows");
  expect(progressWords(job({ rows_per_s: 0 }))).toBe("100 of 400 rows · 0 rows/s");
  expect(progressWords(job({ state: "cancelled", rows_per_s: 9 }))).toBe("100 of 400 rows");
});

test("says in the end what it was", () => {
  const ended_at = "2025-01-10T00:00:03Z";
  expect(summary(job({ state: "done", ended_at }))).toBe("100 rows in 2 s, 50 rows/s");
  expect(summary(job({ ended_at: "2025-01-10T00:00:01Z" }, { rows_done: 1 }))).toBe(
    "1 row in 0 ms",
  );
});
