// Calls and shapes that openapi.json does not describe yet.
import { type ApiProblem, client } from "./client";

export type OutboundWebhook = Omit<import("./client").Schemas["Webhook"], "direction"> & {
  direction: "outbound";
};

export interface InboundEndpoint {
  event: string;
  method: string;
  path: string;
  url: string | null;
  fields: string[];
}

export type VerificationScheme = "posthaste" | "standard_webhooks" | "github" | "stripe" | "twilio";

export interface InboundWebhook {
  id: string;
  number: number;
  title: string;
  direction: "inbound";
  description: string;
  powerlist_id: string;
  events: string[];
  endpoints: InboundEndpoint[];
  previous_token_expires_at: string | null;
  mapping: Record<string, string>;
  verification: { scheme: VerificationScheme } | null;
  rate_limit: { count: number; per_s: number };
  status: "enabled" | "paused" | "disabled";
  disabled_reason: string | null;
  hits: number;
  last_hit_at: string | null;
  created_at: string;
  updated_at: string;
}

export interface Powerlist {
  id: string;
  name: string;
  description: string;
  default_country: string;
  contacts: number;
  created_at: string;
  updated_at: string;
}

export interface Contact {
  id: string;
  powerlist_id: string;
  phone_number: string;
  email: string | null;
  first_name: string | null;
  last_name: string | null;
  address: string | null;
  city: string | null;
  country: string | null;
  state: string | null;
  postal_code: string | null;
  timezone: string | null;
  disposition: string | null;
  tags: string[];
  consent: boolean | null;
  dnd: boolean | null;
  custom_fields: Record<string, unknown>;
  source: "api" | "import" | "webhook";
  created_at: string;
  updated_at: string;
}

export type JobState = "waiting" | "checking" | "running" | "done" | "failed" | "cancelled";

export interface Job {
  id: string;
  type: "import";
  state: JobState;
  powerlist_id: string;
  file_name: string;
  file_bytes: number;
  error: string | null;
  progress: {
    rows: number | null;
    rows_done: number;
    bytes_done: number;
    created: number;
    updated: number;
    unchanged: number;
    skipped: number;
  };
  rows_per_s: number | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
}

export interface SkippedRow {
  line: number;
  reason: string;
  text: string;
}

export interface ImportPreview {
  delimiter: string;
  columns: { name: string; field: string | null; samples: string[] }[];
  rows: {
    line: number;
    values: string[];
    contact: Partial<Contact> | null;
    reason: string | null;
  }[];
  errors: { pointer: string; message: string }[];
}

export type Verdict =
  | "created"
  | "updated"
  | "deleted"
  | "none"
  | "invalid"
  | "unverified"
  | "loop"
  | "key_reused";

export interface InboundRequest {
  id: string;
  webhook_id: string;
  event: string;
  verdict: Verdict;
  contact_id: string | null;
  received_at: string;
  remote_address: string | null;
  content_type: string | null;
  query: string;
  headers: Record<string, string>;
  body: string;
  errors: { pointer: string; message: string }[];
  detail: string | null;
  replay_of: string | null;
}

export type InboundRequestRow = Omit<InboundRequest, "headers" | "body">;

export interface MappingPreview {
  request_id: string | null;
  fields: {
    field: string;
    path: string | null;
    from: string | null;
    value: unknown;
    error: string | null;
  }[];
  custom_fields: { name: string; path: string; value: unknown }[];
  values: { path: string; sample: string }[];
  errors: { pointer: string; message: string }[];
  contact: Partial<Contact> | null;
}

interface Init {
  params?: { path?: Record<string, string>; query?: Record<string, unknown> };
  body?: unknown;
  headers?: Record<string, string>;
  bodySerializer?: (body: never) => unknown;
}
// biome-ignore lint/suspicious/noExplicitAny: the answer's type is said by whoever asks.
type Call = (path: string, init?: Init) => Promise<{ data?: any; response: Response }>;

export const pending = client as unknown as Record<"GET" | "POST" | "PATCH" | "DELETE", Call>;
export type { ApiProblem };
