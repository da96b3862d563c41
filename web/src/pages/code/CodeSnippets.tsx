/** Code that verifies our signatures, by language, with the webhook's secret filled in on demand. */
export function CodeSnippets(_: { webhookId: string }) {
  return null;
}
