// A delivery's life as a list of moments: accepted, each attempt with the wait before it, and
// what came or comes last.
import type { Attempt, DeliveryDetail } from "../../api/client";
import { formatDuration } from "../../format";

export type Moment =
  | { kind: "accepted"; at: string }
  | { kind: "attempt"; at: string; attempt: Attempt; waited_ms: number }
  | { kind: "next"; at: string; number: number }
  | { kind: "ended"; at: string; status: "delivered" | "failed" | "cancelled" };

export function lifecycle(delivery: DeliveryDetail): Moment[] {
  const moments: Moment[] = [{ kind: "accepted", at: delivery.created_at }];
  let ready = Date.parse(delivery.created_at);
  for (const attempt of delivery.attempts) {
    const started = Date.parse(attempt.started_at);
    moments.push({
      kind: "attempt",
      at: attempt.started_at,
      attempt,
      // The clock may have been set back in between.
      waited_ms: Math.max(0, started - ready),
    });
    ready = started + attempt.duration_ms;
  }
  if (delivery.next_attempt_at !== null) {
    const number = delivery.attempt_count + 1;
    moments.push({ kind: "next", at: delivery.next_attempt_at, number });
  } else if (delivery.ended_at !== null) {
    const status = delivery.status as "delivered" | "failed" | "cancelled";
    const end: Moment = { kind: "ended", at: delivery.ended_at, status };
    // Somebody may have asked for one more attempt after the end.
    const after = moments.findIndex(
      ({ kind, at }) => kind === "attempt" && Date.parse(at) > Date.parse(end.at),
    );
    if (after < 0) moments.push(end);
    else moments.splice(after, 0, end);
  }
  return moments;
}

/** How long something took; what was measured in whole milliseconds never took none. */
export function formatTook(ms: number): string {
  return ms === 0 ? "<1 ms" : formatDuration(ms);
}

/** Attempts that a timeline shows before it leaves out those in the middle. */
const SHOWN_MAX = 9;
const SHOWN_LAST = 4;

/**
 * A receiver may defer for hours, in a hundred attempts much alike: the first ones and the last
 * ones tell it all. `folded` is how many are left out, before the moment at `at`.
 */
export function fold(moments: Moment[]): { moments: Moment[]; at: number; folded: number } {
  if (moments.length <= SHOWN_MAX) return { moments, at: -1, folded: 0 };
  const first = SHOWN_MAX - SHOWN_LAST - 2;
  const folded = moments.length - first - SHOWN_LAST;
  const shown = [...moments.slice(0, first), ...moments.slice(-SHOWN_LAST)];
  return { moments: shown, at: first, folded };
}

export interface Step {
  key: "dns" | "connect" | "tls" | "wait" | "rest";
  label: string;
  ms: number;
}

/**
 * Where an attempt's time went. `first_byte` counts from the attempt's start, so what came before
 * it is taken off; milliseconds are rounded, so nothing may become negative by that.
 */
export function steps({ timings, duration_ms }: Pick<Attempt, "timings" | "duration_ms">): Step[] {
  const { dns, connect, tls, first_byte } = timings;
  const opening = (dns ?? 0) + (connect ?? 0) + (tls ?? 0);
  const all: Step[] = [];
  if (dns !== null) all.push({ key: "dns", label: "DNS", ms: dns });
  if (connect !== null) all.push({ key: "connect", label: "Connect", ms: connect });
  if (tls !== null) all.push({ key: "tls", label: "TLS", ms: tls });
  if (first_byte !== null) {
    const wait = Math.max(0, first_byte - opening);
    all.push({ key: "wait", label: "Waiting for the first byte", ms: wait });
    const rest = Math.max(0, duration_ms - Math.max(first_byte, opening));
    all.push({ key: "rest", label: "Rest of the response", ms: rest });
  } else {
    const rest = Math.max(0, duration_ms - opening);
    all.push({ key: "wait", label: "Waiting, without an answer", ms: rest });
  }
  return all;
}
