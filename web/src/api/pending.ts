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
  expires_at: string | null;
}

export interface SignInLink {
  url_path: string;
  expires_at: string;
}

export interface AuditEntry {
  id: string;
  at: string;
  actor: { type: "user" | "key" | "system"; id: string; name: string };
  action: string;
  target: { type: string; id: string; name: string } | null;
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
  egress_allow: string[];
  egress_dev: boolean;
  body_bytes_max: number;
  retry_delays_s: number[];
  timeout_ms: { default: number; min: number; max: number };
  store: { kind: string; pending: number; disk_bytes: number | null };
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
      { email: string; name: string; role: User["role"] }
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
        action?: string;
        target?: string;
        since?: string;
        until?: string;
        limit?: number;
        cursor?: string;
      }
    >;
  };
  "/v1/server": { get: Plain<Server> };
}
