// What the form has for webhooks that receive, in words.
import type { VerificationScheme } from "../../api/client";

/** Their endpoints by the event that each raises: what its URL does. */
export const operations: Record<string, string> = {
  contact: "Takes a contact: adds it to the powerlist, or changes the one with that phone number.",
  "contact.delete": "Takes a contact off the powerlist: by phone number, e-mail or contact id.",
};

export interface SchemeFacts {
  value: VerificationScheme;
  label: string;
  /** What a request has to carry. */
  text: string;
  /** Whether a secret is made here when none is given; else the other side's has to be. */
  makes: boolean;
}

export const schemes: readonly SchemeFacts[] = [
  {
    value: "posthaste",
    label: "Posthaste",
    text: "x-webhook-signature: hex HMAC-SHA256 of the body, as our own webhooks send it.",
    makes: true,
  },
  {
    value: "standard_webhooks",
    label: "Standard Webhooks",
    text: "webhook-id, webhook-timestamp and webhook-signature, as standardwebhooks.com says.",
    makes: true,
  },
  {
    value: "github",
    label: "GitHub",
    text: "x-hub-signature-256: sha256= and the hex HMAC of the body.",
    makes: false,
  },
  {
    value: "stripe",
    label: "Stripe",
    text: "stripe-signature, with its time; the secret is Stripe's signing secret.",
    makes: false,
  },
  {
    value: "twilio",
    label: "Twilio",
    text: "x-twilio-signature, over the URL and the form; the secret is the auth token.",
    makes: false,
  },
];

export function schemeFacts(scheme: string): SchemeFacts | undefined {
  return schemes.find(({ value }) => value === scheme);
}
