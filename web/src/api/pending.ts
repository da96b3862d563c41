// TO BE REMOVED. The calls that openapi.json does not describe yet, in the shape in which
// openapi-typescript will write them. When it has one, delete it here: the callers stay as they are.
import type { components } from "./schema";

export interface User {
  id: string;
  email: string;
  name: string;
  role: "owner" | "editor" | "viewer";
  /** null: may act in every account. */
  account_id: string | null;
  has_password: boolean;
  created_at: string;
  last_sign_in_at: string | null;
}

export interface Session {
  user: User | null;
  role: "owner" | "editor" | "viewer" | "platform" | "account" | "publish" | "read";
  account: { id: string; name: string };
  accounts_allowed: "all" | "one";
  needs_password: boolean;
  /** A new password takes the current one. */
  asks_current_password: boolean;
  expires_at: string | null;
}

export interface SignInLink {
  url_path: string;
  expires_at: string;
}

export type AuditAction =
  | "webhook.created"
  | "webhook.updated"
  | "webhook.paused"
  | "webhook.resumed"
  | "webhook.deleted"
  | "webhook.secret_rotated"
  | "webhook.secret_shown"
  | "event_type.created"
  | "event_type.updated"
  | "event_type.deleted"
  | "api_key.created"
  | "api_key.deleted"
  | "account.created"
  | "user.invited"
  | "user.updated"
  | "user.deleted"
  | "user.link_made"
  | "user.password_set"
  | "session.started"
  | "session.refused"
  | "session.ended";

export interface AuditEntry {
  id: string;
  at: string;
  actor: { type: "user" | "key" | "system"; id: string | null; name: string };
  action: AuditAction;
  target: {
    type: "webhook" | "event_type" | "api_key" | "account" | "user";
    id: string;
    name: string;
  } | null;
  changes: { field: string; before: unknown; after: unknown }[];
  remote_address: string | null;
}

export interface Server {
  version: string;
  dev: boolean;
  inbox: boolean;
  public_url: string | null;
  uptime_s: number;
  started_at: string;
  retention_days: number;
  /** null for those who may not administer. */
  egress_allow: string[] | null;
  egress_dev: boolean;
  body_bytes_max: number;
  retry_delays_s: number[];
  timeout_ms: { default: number; min: number; max: number };
  /** null for those who may not administer. */
  store: { kind: string; pending: number; disk_bytes: number | null } | null;
}

export interface SignatureVerdict {
  name: string;
  verdict: "verified" | "failed" | "absent" | "unchecked";
  reason: string | null;
  message: string;
}

/** One request that the test inbox got. */
export interface InboxRequest {
  number: number;
  at: string;
  name: string;
  headers: [name: string, value: string][];
  body: string;
  answered: number;
  verdict: (Omit<SignatureVerdict, "name"> & { signatures: SignatureVerdict[] }) | null;
}

export interface InboxAnswer {
  status: number;
  delay_ms: number;
  times: number | null;
}

interface InboxAnswerOf {
  parameters: { query?: never; header?: never; path: { name: string }; cookie?: never };
}

interface List<Row> {
  data: Row[];
  next_cursor: string | null;
}

type Answers<Answer, Status extends number> = {
  [status in Status]: {
    headers: Record<string, unknown>;
    content: [Answer] extends [never] ? undefined : { "application/json": Answer };
  };
} & {
  500: {
    headers: Record<string, unknown>;
    content: { "application/problem+json": components["schemas"]["Problem"] };
  };
};

type Takes<Body> = [Body] extends [never]
  ? { requestBody?: never }
  : { requestBody: { content: { "application/json": Body } } };

type Plain<Answer, Status extends number = 200, Body = never, Query = never> = {
  parameters: { query?: Query; header?: never; path?: never; cookie?: never };
  responses: Answers<Answer, Status>;
} & Takes<Body>;

type WithId<Answer, Status extends number = 200, Body = never> = {
  parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
  responses: Answers<Answer, Status>;
} & Takes<Body>;

export interface PendingPaths {
  "/v1/session": {
    get: Plain<Session>;
    post: Plain<Session, 201, { email: string; password: string }>;
    delete: Plain<never, 204>;
  };
  "/v1/session/link": { post: Plain<Session, 201, { token: string }> };
  "/v1/session/password": {
    post: Plain<never, 204, { password: string; current_password?: string }>;
  };
  "/v1/users": {
    get: Plain<List<User>, 200, never, { limit?: number; cursor?: string }>;
    post: Plain<
      User & { link: SignInLink },
      201,
      { email: string; name: string; role: User["role"]; account_id?: string | null }
    >;
  };
  "/v1/users/{id}": {
    get: WithId<User>;
    patch: WithId<User, 200, Partial<Pick<User, "email" | "name" | "role">>>;
    delete: WithId<never, 204>;
  };
  "/v1/users/{id}/link": { post: WithId<SignInLink, 201> };
  "/v1/audit-log": {
    get: Plain<
      List<AuditEntry>,
      200,
      never,
      {
        actor?: string;
        action?: AuditAction;
        target?: string;
        since?: string;
        until?: string;
        limit?: number;
        cursor?: string;
      }
    >;
  };
  "/v1/server": { get: Plain<Server> };
  "/v1/inbox/requests": {
    get: Plain<
      { data: InboxRequest[]; next_since: number; more: boolean },
      200,
      never,
      { since?: number }
    >;
    delete: Plain<never, 204>;
  };
  "/v1/inbox/answer/{name}": {
    get: InboxAnswerOf & { responses: Answers<InboxAnswer, 200> };
    put: InboxAnswerOf & { responses: Answers<never, 204> } & Takes<Partial<InboxAnswer>>;
  };
}
