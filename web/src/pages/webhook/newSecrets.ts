// Secrets of webhooks that were created a moment ago, on their way from the form to the page that
// shows them once. In memory only: neither the address nor the browser's history ever holds one.
const secrets = new Map<string, string>();

export function keepNewSecret(webhookId: string, secret: string) {
  secrets.set(webhookId, secret);
}

export function newSecret(webhookId: string): string | undefined {
  return secrets.get(webhookId);
}

export function forgetNewSecret(webhookId: string) {
  secrets.delete(webhookId);
}
