// The log as a file for spreadsheets.
import type { Delivery } from "../../api/client";
import { toCsv } from "../../components/series";

const header = [
  "delivery_id",
  "event_id",
  "event",
  "webhook_id",
  "webhook",
  "trigger",
  "status",
  "attempts",
  "outcome",
  "status_code",
  "error",
  "duration_ms",
  "accepted_at",
  "last_attempt_at",
  "next_attempt_at",
  "ended_at",
];

export function deliveriesToCsv(
  deliveries: Delivery[],
  titleOf: (webhookId: string) => string | undefined,
): string {
  return toCsv(
    header,
    deliveries.map((delivery) => [
      delivery.id,
      delivery.event_id,
      delivery.event,
      delivery.webhook_id,
      titleOf(delivery.webhook_id) ?? null,
      delivery.trigger,
      delivery.status,
      delivery.attempt_count,
      delivery.last_attempt?.outcome ?? null,
      delivery.last_attempt?.status_code ?? null,
      delivery.last_attempt?.error ?? null,
      delivery.last_attempt?.duration_ms ?? null,
      delivery.created_at,
      delivery.last_attempt?.started_at ?? null,
      delivery.next_attempt_at,
      delivery.ended_at,
    ]),
  );
}
