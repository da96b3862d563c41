// The form's fields, and how they become a webhook's settings and back. What is valid is for the
// server to say; here is only what cannot even be written into a request.
import type {
  ApiProblem,
  InboundWebhook,
  OutboundWebhook,
  Schemas,
  Server,
  VerificationScheme,
  Webhook,
} from "../../api/client";
import { isOutbound } from "../../api/queries";
import { parseSchedule, standardDelays, writeSchedule } from "./schedule";

export type Settings = Schemas["WebhookSettings"];

/** What is sent of a webhook that receives. */
export interface InboundSettings {
  title: string;
  powerlist_id: string;
  events: string[];
  description: string;
  rate_limit: { count: number; per_s: number };
  /** Left out: stays as it is. */
  verification?: { scheme: VerificationScheme; secret?: string } | null;
}

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
  /** The endpoints of one that receives. */
  operations: string[];
  scheme: VerificationScheme | "none";
  verification_secret: string;
  inbound_count: number | string;
  inbound_per_s: number | string;
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
  "scheme",
  "verification_secret",
  "inbound_count",
  "inbound_per_s",
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
    operations: ["contact"],
    scheme: "none",
    verification_secret: "",
    inbound_count: 50,
    inbound_per_s: 1,
  };
}

export function valuesOf(webhook: Webhook): Values {
  const shared = {
    ...blank(undefined),
    title: webhook.title,
    powerlist_id: webhook.powerlist_id ?? "",
    description: webhook.description,
  };
  return isOutbound(webhook) ? outboundValues(shared, webhook) : inboundValues(shared, webhook);
}

function inboundValues(shared: Values, webhook: InboundWebhook): Values {
  return {
    ...shared,
    direction: "inbound",
    operations: webhook.events,
    scheme: webhook.verification?.scheme ?? "none",
    inbound_count: webhook.rate_limit.count,
    inbound_per_s: webhook.rate_limit.per_s,
  };
}

function outboundValues(shared: Values, webhook: OutboundWebhook): Values {
  const { rate_limit: limit } = webhook;
  return {
    ...shared,
    events: webhook.events,
    url: webhook.url,
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
type Read<Sent> = { settings: Sent } | { errors: Errors };

type NumberField =
  | "timeout_ms"
  | "max_in_flight"
  | "rate_count"
  | "rate_per_s"
  | "inbound_count"
  | "inbound_per_s";

/** Reads whole numbers, and notes down which are none. */
function numbers(values: Values, errors: Errors) {
  return (field: NumberField) => {
    const value = values[field];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    errors[field] = "give a whole number";
    return 0;
  };
}

/** `before` is what is changed: what it is verified by stays, unless another is chosen. */
export function readInbound(values: Values, before?: InboundWebhook): Read<InboundSettings> {
  const errors: Errors = {};
  const whole = numbers(values, errors);
  const { scheme, verification_secret: secret } = values;
  if (values.powerlist_id === "") errors.powerlist_id = "choose the list that contacts come to";
  const settings: InboundSettings = {
    title: values.title.trim(),
    powerlist_id: values.powerlist_id,
    events: values.operations,
    description: values.description,
    rate_limit: { count: whole("inbound_count"), per_s: whole("inbound_per_s") },
  };
  const same = scheme === (before?.verification?.scheme ?? "none");
  if (scheme === "none") {
    if (!same) settings.verification = null;
  } else if (!same || secret !== "") {
    settings.verification = secret === "" ? { scheme } : { scheme, secret };
  }
  return Object.keys(errors).length > 0 ? { errors } : { settings };
}

export function read(values: Values): Read<Required<Omit<Settings, "direction" | "filter">>> {
  const errors: Errors = {};
  const whole = numbers(values, errors);
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
export function changed<Sent extends object>(settings: Sent, before: object): Partial<Sent> {
  const known = before as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name]),
    ),
  ) as Partial<Sent>;
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
  if (values.direction === "inbound") return inboundFieldOf(member, part);
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

function inboundFieldOf(member: string, part: string): keyof Values | undefined {
  switch (member) {
    case "title":
    case "description":
    case "powerlist_id":
      return member;
    case "events":
      return "operations";
    case "rate_limit":
      return part === "per_s" ? "inbound_per_s" : "inbound_count";
    case "verification":
      return part === "secret" ? "verification_secret" : "scheme";
    default:
      return undefined;
  }
}

function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
