// Which error messages the failing deliveries ended with, most frequent first.
import type { Delivery } from "../../api/client";

export interface MessageCount {
  message: string;
  statusCode: number | null;
  status: Delivery["status"];
  count: number;
  /** When it was seen last. */
  last: string;
}

const SHOWN_MAX = 8;

export function messagesOf(deliveries: Delivery[]): MessageCount[] {
  const counts = new Map<string, MessageCount>();
  for (const { status, last_attempt: attempt } of deliveries) {
    if (!attempt || attempt.outcome === "succeeded") continue;
    const message = attempt.error ?? `answered ${attempt.status_code ?? "nothing"}`;
    const statusCode = attempt.status_code ?? null;
    const key = `${statusCode} ${message}`;
    const seen = counts.get(key);
    if (seen === undefined) {
      counts.set(key, { message, statusCode, status, count: 1, last: attempt.started_at });
    } else {
      seen.count += 1;
      if (attempt.started_at > seen.last) seen.last = attempt.started_at;
    }
  }
  return [...counts.values()].sort((a, b) => b.count - a.count).slice(0, SHOWN_MAX);
}
