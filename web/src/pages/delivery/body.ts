// The body that a webhook was sent, put together again from its event. The API does not keep
// bodies; their form is fixed, apart from the signature within, which needs the secret.
import type { Delivery, Schemas } from "../../api/client";

export function requestBody(delivery: Delivery, event: Schemas["Event"]): string {
  return JSON.stringify({
    event: event.event,
    timestamp: event.timestamp,
    webhook_id: delivery.webhook_id,
    data: event.data,
    metadata: { version: "1.0", event_id: event.id },
  });
}

/** Headers that sign the body with the signature in it, so they do not fit the one above. */
export function isSignature(name: string): boolean {
  return /signature/i.test(name);
}
