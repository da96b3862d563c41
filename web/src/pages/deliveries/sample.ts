// A delivery for tests, changed to taste.
import type { Delivery } from "../../api/client";

export function sampleDelivery(change: Partial<Delivery> = {}): Delivery {
  return {
    id: "dlv_1",
    event_id: "evt_1",
    webhook_id: "wh_1",
    event: "call.ended",
    trigger: "event",
    status: "failed",
    created_at: "2025-01-15T14:30:00.000Z",
    next_attempt_at: null,
    ended_at: "2025-01-15T14:30:01.000Z",
    attempt_count: 1,
    last_attempt: {
      outcome: "rejected",
      status_code: 502,
      error: "answered 502",
      started_at: "2025-01-15T14:30:00.500Z",
      duration_ms: 20,
    },
    ...change,
  };
}
