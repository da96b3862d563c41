import { expect, test } from "vitest";
import { failureCount, type Progress, runBulk } from "./bulk";

const ids = Array.from({ length: 10 }, (_, n) => `dlv_${n}`);

test("all are done, at most four at once, and failures are counted by their reason", async () => {
  let under_way = 0;
  let most = 0;
  const told: Progress[] = [];
  async function act(id: string) {
    under_way += 1;
    most = Math.max(most, under_way);
    await Promise.resolve();
    under_way -= 1;
    if (id === "dlv_3" || id === "dlv_7") throw new Error("it had ended");
  }
  const end = await runBulk(ids, act, (now) => told.push(now), new AbortController().signal);
  expect(end.done).toBe(10);
  expect([...end.failed]).toEqual([["It had ended.", 2]]);
  expect(failureCount(end)).toBe(2);
  expect(most).toBeLessThanOrEqual(4);
  expect(told.map(({ done }) => done)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("stopping lets what is under way end and starts nothing more", async () => {
  const abort = new AbortController();
  const asked: string[] = [];
  async function act(id: string) {
    asked.push(id);
    abort.abort();
  }
  const end = await runBulk(ids, act, () => {}, abort.signal);
  expect(end.done).toBe(asked.length);
  expect(asked.length).toBeLessThan(ids.length);
});
