import { expect, test } from "vitest";
import type { Attempt, DeliveryDetail } from "../../api/client";
import { fold, lifecycle, steps } from "./lifecycle";

const none = { dns: null, connect: null, tls: null, first_byte: null };

function attempt(number: number, started_at: string, duration_ms = 100): Attempt {
  return {
    number,
    trigger: number === 1 ? "event" : "retry",
    outcome: "rejected",
    status_code: 500,
    error: "answered 500",
    started_at,
    duration_ms,
    timings: none,
    remote_address: null,
    request_headers: [],
    response_headers: [],
    response_body: "",
    truncated: false,
  };
}

function delivery(change: Partial<DeliveryDetail>): DeliveryDetail {
  return {
    id: "dlv_1",
    event_id: "evt_1",
    webhook_id: "wh_1",
    event: "call.ended",
    trigger: "event",
    status: "pending",
    created_at: "2025-01-15T14:30:00.000Z",
    next_attempt_at: null,
    ended_at: null,
    attempt_count: change.attempts?.length ?? 0,
    last_attempt: null,
    attempts: [],
    ...change,
  };
}

function kinds(of: DeliveryDetail): string[] {
  return lifecycle(of).map((moment) =>
    moment.kind === "attempt"
      ? `attempt ${moment.attempt.number} after ${moment.waited_ms}`
      : moment.kind === "next"
        ? `next ${moment.number}`
        : moment.kind === "ended"
          ? moment.status
          : moment.kind,
  );
}

test("a delivery that nothing was sent for yet", () => {
  const of = delivery({ next_attempt_at: "2025-01-15T14:30:00.000Z" });
  expect(kinds(of)).toEqual(["accepted", "next 1"]);
});

test("waits count from the end of the attempt before", () => {
  const of = delivery({
    status: "retrying",
    attempts: [attempt(1, "2025-01-15T14:30:00.010Z"), attempt(2, "2025-01-15T14:30:30.110Z")],
    next_attempt_at: "2025-01-15T14:32:30.000Z",
  });
  expect(kinds(of)).toEqual(["accepted", "attempt 1 after 10", "attempt 2 after 30000", "next 3"]);
});

test("an attempt that somebody asked for after the end stands after it", () => {
  const of = delivery({
    status: "failed",
    attempts: [attempt(1, "2025-01-15T14:30:00.000Z"), attempt(2, "2025-01-15T15:00:00.000Z")],
    ended_at: "2025-01-15T14:30:00.100Z",
  });
  expect(kinds(of)).toEqual(["accepted", "attempt 1 after 0", "failed", "attempt 2 after 1799900"]);
});

test("a clock that was set back makes no negative wait", () => {
  const of = delivery({ status: "retrying", attempts: [attempt(1, "2025-01-15T14:29:59.000Z")] });
  expect(kinds(of)).toEqual(["accepted", "attempt 1 after 0"]);
});

test.each([
  [
    "a new connection",
    { dns: 5, connect: 10, tls: 20, first_byte: 100 },
    120,
    { dns: 5, connect: 10, tls: 20, wait: 65, rest: 20 },
  ],
  ["a connection of before", { ...none, first_byte: 80 }, 81, { wait: 80, rest: 1 }],
  ["no answer", { ...none, dns: 5, connect: 10 }, 1000, { dns: 5, connect: 10, wait: 985 }],
  ["no connection", none, 30, { wait: 30 }],
  [
    "rounding",
    { dns: 1, connect: 1, tls: 1, first_byte: 2 },
    2,
    { dns: 1, connect: 1, tls: 1, wait: 0, rest: 0 },
  ],
])("time of %s", (_, timings, duration_ms, expected) => {
  const found = steps({ timings, duration_ms }).map(({ key, ms }) => [key, ms]);
  expect(Object.fromEntries(found)).toEqual(expected);
});

test("a long life is folded in the middle, a short one is not", () => {
  const attempts = Array.from({ length: 48 }, (_, n) => attempt(n + 1, "2025-01-15T14:30:00.000Z"));
  const of = delivery({ attempts, next_attempt_at: "2025-01-15T15:30:00.000Z" });
  const { moments, at, folded } = fold(lifecycle(of));
  expect(moments.length + folded).toBe(50);
  expect(moments.map(({ kind }) => kind)).toEqual([
    "accepted",
    "attempt",
    "attempt",
    "attempt",
    "attempt",
    "attempt",
    "next",
  ]);
  expect(at).toBe(3);
  expect(fold(lifecycle(delivery({ attempts: attempts.slice(0, 5) }))).folded).toBe(0);
});
