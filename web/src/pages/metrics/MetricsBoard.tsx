/** The charts of all webhooks, or of one. */
export function MetricsBoard(_: { webhookId?: string }) {
  return null;
}
