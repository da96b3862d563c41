/** The log of deliveries with filters and live tail: of all webhooks, or of one. */
export function DeliveryLog(_: { webhookId?: string }) {
  return null;
}
