import { expect, test } from "vitest";
import type { Delivery } from "../../api/client";
import { messagesOf } from "./messages";

function failed(error: string | null, status_code: number | null, started_at: string): Delivery {
  const last_attempt = { outcome: "rejected", status_code, error, started_at, duration_ms: 1 };
  return { status: "failed", last_attempt } as Delivery;
}

test("messages are counted with the moment they were last seen", () => {
  const counted = messagesOf([
    failed("answered 503", 503, "2025-01-15T14:30:02Z"),
    failed("no answer", null, "2025-01-15T14:30:01Z"),
    failed("answered 503", 503, "2025-01-15T14:30:03Z"),
    { status: "retrying", last_attempt: null } as Delivery,
  ]);
  expect(counted.map(({ message, count, last }) => [message, count, last])).toEqual([
    ["answered 503", 2, "2025-01-15T14:30:03Z"],
    ["no answer", 1, "2025-01-15T14:30:01Z"],
  ]);
});
