// A contact to send, and the requests that send it.
import type { InboundEndpoint } from "../../api/client";
import type { Mapping } from "./mapping";

export type BodyKind = "json" | "form";

const person: Record<string, string> = {
  phone_number: "+12025550187",
  first_name: "Maria",
  last_name: "Lopez",
  email: "maria.lopez@example.com",
  city: "Washington",
  tags: "sample",
  lead_source: "Posthaste sample",
};

/**
 * What the endpoint's sample says: for a deletion, no more than whom. Under the names at which the
 * mapping looks for each field.
 */
export function sampleFields(
  { event }: Pick<InboundEndpoint, "event">,
  mapping: Mapping = {},
): Record<string, string> {
  const fields = event === "contact" ? person : { phone_number: person.phone_number as string };
  return Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [mapping[field] ?? field, value]),
  );
}

export function sampleBody(
  endpoint: Pick<InboundEndpoint, "event">,
  kind: BodyKind,
  mapping: Mapping = {},
): string {
  const fields = sampleFields(endpoint, mapping);
  return kind === "json"
    ? JSON.stringify(nested(fields), null, 2)
    : new URLSearchParams(fields).toString().replaceAll("&", "&\n");
}

/** `{"a.b": 1}` → `{"a": {"b": 1}}`, as paths say it. */
export function nested(fields: Record<string, string>): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(fields)) {
    const names = path.split(".");
    const last = names.pop() as string;
    let place = made;
    for (const name of names) {
      if (typeof place[name] !== "object" || place[name] === null) place[name] = {};
      place = place[name] as Record<string, unknown>;
    }
    place[last] = value;
  }
  return made;
}

/** A form may be written in lines, which are not sent. */
export function sentBody(text: string, kind: BodyKind): string {
  return kind === "json" ? text : text.replace(/\s*\n\s*/g, "").trim();
}

/** Ready to be pasted into a shell. */
export function curl(url: string, fields: Record<string, string>, kind: BodyKind): string {
  const lines =
    kind === "json"
      ? [
          `-H ${quoted("content-type: application/json")}`,
          `-d ${quoted(JSON.stringify(nested(fields)))}`,
        ]
      : Object.entries(fields).map(
          ([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`,
        );
  return [`curl -X POST ${quoted(url)}`, ...lines].join(" \\\n  ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The headers that sign a body as a scheme wants it; null where a browser's page cannot. */
export async function signatureHeaders(
  scheme: string,
  secret: string,
  body: string,
): Promise<Record<string, string> | null> {
  if (scheme !== "posthaste" && scheme !== "github") return null;
  const bytes = new TextEncoder();
  const key = await crypto.subtle.importKey(
    "raw",
    bytes.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const signed = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(body)));
  const hex = [...signed].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return scheme === "github"
    ? { "x-hub-signature-256": `sha256=${hex}` }
    : { "x-webhook-signature": hex };
}
