// Event data that somebody edits: whether it is JSON, and whether it fits the event type's schema.
import type { EventType } from "../../api/client";
import { covers } from "../../components/patterns";

export interface Fault {
  /** Where in the data, as people read it: "custom_fields.plan"; empty for all of it. */
  at: string;
  message: string;
}

export type Parsed = { ok: true; data: Record<string, unknown> } | { ok: false; message: string };

export function parseData(text: string): Parsed {
  if (text.trim() === "") return { ok: false, message: "Write a JSON object, {} at least." };
  try {
    const data: unknown = JSON.parse(text);
    if (typeof data === "object" && data !== null && !Array.isArray(data)) {
      return { ok: true, data: data as Record<string, unknown> };
    }
    return { ok: false, message: "Event data is an object: it begins with { and ends with }." };
  } catch (error) {
    return { ok: false, message: `Not JSON yet: ${placed((error as Error).message, text)}` };
  }
}

/** Browsers count characters from the start; people look for a line. */
function placed(message: string, text: string): string {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position === undefined || message.includes("line")) return message;
  const before = text.slice(0, Number(position)).split("\n");
  return `${message} (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}

const FAULTS_MAX = 8;

/** What does not fit the schema. The validator is loaded when it is first needed. */
export async function faultsOf(schema: object, data: unknown): Promise<Fault[]> {
  const { Validator } = await import("@cfworker/json-schema");
  const { errors } = new Validator(schema, "2020-12", false).validate(data);
  return (
    errors
      // These say only that something within does not fit, which the others say better.
      .filter(({ keyword }) => !["properties", "items", "$ref"].includes(keyword))
      .map(({ instanceLocation, error }) => ({ at: readable(instanceLocation), message: error }))
      .slice(0, FAULTS_MAX)
  );
}

/** "#/custom_fields/0/plan" → "custom_fields.0.plan". */
function readable(pointer: string): string {
  return pointer
    .replace(/^#\/?/, "")
    .split("/")
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}

/** The event types that a webhook's patterns choose, in the catalogue's order, and those it names
 *  that the catalogue does not have. */
export function choices(patterns: string[], types: EventType[]) {
  const known = types.filter(({ name }) => patterns.some((pattern) => covers(pattern, name)));
  const others = patterns.filter(
    (pattern) => !pattern.endsWith("*") && !types.some(({ name }) => name === pattern),
  );
  return { known, others };
}

/** What the editor starts with. */
export function sampleText(type: EventType | undefined): string {
  return JSON.stringify(type?.sample ?? {}, null, 2);
}

/** The same call for a terminal. */
export function asCurl(url: string, body: object): string {
  return [
    `curl -X POST ${quoted(url)}`,
    `-H "authorization: Bearer $POSTHASTE_KEY"`,
    `-H 'content-type: application/json'`,
    `-d ${quoted(JSON.stringify(body))}`,
  ].join(" \\\n  ");
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
