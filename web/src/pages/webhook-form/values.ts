// The form's fields, and how they become a webhook's settings and back. What is valid is for the
// server to say; here is only what cannot even be written into a request.
import type { ApiProblem, Schemas, Server, Webhook } from "../../api/client";
import { parseSchedule, standardDelays, writeSchedule } from "./schedule";

export type Settings = Schemas["WebhookSettings"];

export interface HeaderRow {
  name: string;
  value: string;
}

/** Numbers are text while a field is empty. */
export interface Values {
  title: string;
  powerlist_id: string;
  events: string[];
  direction: "outbound" | "inbound";
  url: string;
  description: string;
  headers: HeaderRow[];
  signature_format: Schemas["SignatureFormat"];
  timeout_ms: number | string;
  schedule: string;
  max_in_flight: number | string;
  limited: boolean;
  rate_count: number | string;
  rate_per_s: number | string;
}

/** The fields that are folded away. */
export const advancedFields = [
  "description",
  "headers",
  "signature_format",
  "timeout_ms",
  "schedule",
  "max_in_flight",
  "rate_count",
  "rate_per_s",
] as const satisfies (keyof Values)[];

export function blank(server: Server | undefined): Values {
  return {
    title: "",
    powerlist_id: "",
    events: [],
    direction: "outbound",
    url: "",
    description: "",
    headers: [],
    signature_format: "hex",
    timeout_ms: server?.timeout_ms.default ?? 15_000,
    schedule: writeSchedule(server?.retry_delays_s ?? standardDelays),
    max_in_flight: 64,
    limited: false,
    rate_count: 10,
    rate_per_s: 1,
  };
}

export function valuesOf(webhook: Webhook): Values {
  const { rate_limit: limit } = webhook;
  return {
    title: webhook.title,
    powerlist_id: webhook.powerlist_id ?? "",
    events: webhook.events,
    direction: "outbound",
    url: webhook.url,
    description: webhook.description,
    headers: Object.entries(webhook.headers).map(([name, value]) => ({ name, value })),
    signature_format: webhook.signature_format,
    timeout_ms: webhook.timeout_ms,
    schedule: writeSchedule(webhook.retry_delays_s),
    max_in_flight: webhook.max_in_flight,
    limited: limit !== null,
    rate_count: limit?.count ?? 10,
    rate_per_s: limit?.per_s ?? 1,
  };
}

type Errors = Record<string, string>;
type Read = { settings: Required<Omit<Settings, "direction" | "filter">> } | { errors: Errors };

export function read(values: Values): Read {
  const errors: Errors = {};
  const whole = (field: "timeout_ms" | "max_in_flight" | "rate_count" | "rate_per_s") => {
    const value = values[field];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    errors[field] = "give a whole number";
    return 0;
  };
  const delays = parseSchedule(values.schedule);
  if (delays === null)
    errors.schedule = "write delays with commas between, such as 0 s, 30 s, 2 min";
  const headers: Record<string, string> = {};
  const names = new Set<string>();
  values.headers.forEach(({ name, value }, n) => {
    const key = name.trim();
    if (key === "" && value === "") return;
    if (key === "") errors[`headers.${n}.name`] = "give the header a name";
    else if (names.has(key.toLowerCase())) errors[`headers.${n}.name`] = "is there twice";
    names.add(key.toLowerCase());
    headers[key] = value;
  });
  const settings = {
    title: values.title.trim(),
    powerlist_id: values.powerlist_id.trim() || null,
    events: values.events,
    url: values.url.trim(),
    description: values.description,
    headers,
    signature_format: values.signature_format,
    timeout_ms: whole("timeout_ms"),
    retry_delays_s: delays ?? [],
    max_in_flight: whole("max_in_flight"),
    rate_limit: values.limited ? { count: whole("rate_count"), per_s: whole("rate_per_s") } : null,
  };
  return Object.keys(errors).length > 0 ? { errors } : { settings };
}

/** Only what differs, so that a change by someone else in between stays. */
export function changed(settings: Settings, before: Settings): Settings {
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof Settings]),
    ),
  );
}

/** A problem's messages by the form's fields; `rest` are those that belong to none. */
export function placed(problem: ApiProblem, values: Values): { errors: Errors; rest: string[] } {
  const errors: Errors = {};
  const rest: string[] = [];
  for (const [pointer, message] of problem.fields) {
    const path = fieldOf(pointer, values);
    if (path === undefined) rest.push(`${pointer}: ${message}`);
    else errors[path] = errors[path] === undefined ? message : `${errors[path]}; ${message}`;
  }
  return { errors, rest };
}

function fieldOf(pointer: string, values: Values): string | undefined {
  const [, member = "", part = ""] = pointer.split("/").map(unescaped);
  switch (member) {
    case "retry_delays_s":
      return "schedule";
    case "rate_limit":
      return part === "per_s" ? "rate_per_s" : "rate_count";
    case "headers": {
      const row = values.headers.findIndex(
        ({ name }) => name.trim().toLowerCase() === part.toLowerCase(),
      );
      return row < 0 ? "headers" : `headers.${row}.name`;
    }
    default:
      return Object.hasOwn(values, member) ? member : undefined;
  }
}

function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
