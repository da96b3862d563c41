// The one way to the server. Every call is typed by openapi.json; every answer that is not a
// success is thrown as an ApiProblem.
import createClient, { type Middleware } from "openapi-fetch";
import { chosenAccount } from "./account";
import { ApiProblem } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type OutboundWebhook = Schemas["Webhook"];
export type InboundWebhook = Schemas["InboundWebhook"];
export type Webhook = OutboundWebhook | InboundWebhook;
export type InboundEndpoint = Schemas["InboundEndpoint"];
export type InboundRequest = Schemas["InboundRequest"];
export type Verdict = Schemas["InboundVerdict"];
export type VerificationScheme = Schemas["VerificationScheme"];
export type MappingPreview = Schemas["Preview"];
export type Powerlist = Schemas["Powerlist"];
/** A field of one's own can be any JSON, which the description of the API cannot say. */
export type ContactFields = Omit<Schemas["ContactFields"], "custom_fields"> & {
  custom_fields: Record<string, unknown>;
};
export type Contact = ContactFields & Omit<Schemas["Contact"], keyof ContactFields>;
export type Job = Schemas["Job"];
export type SkippedRow = Schemas["SkippedRow"];
export type ImportPreview = Schemas["ImportPreview"];
export type Delivery = Schemas["Delivery"];
export type DeliveryDetail = Schemas["DeliveryDetail"];
export type Attempt = Schemas["Attempt"];
export type EventType = Schemas["EventType"];
export type AuditAction = Schemas["AuditAction"];
export type AuditEntry = Schemas["AuditEntry"];
export type Server = Schemas["ServerFacts"];
export type Session = Schemas["Session"];
export type SignInLink = Schemas["SignInLink"];
export type User = Schemas["User"];
export { ApiProblem, fieldErrors, sentence } from "./problem";

/** One page of a list, newest first. */
export interface Page<Row> {
  data: Row[];
  next_cursor?: string | null;
}

export const client = createClient<paths>({ credentials: "same-origin" });

let whenSignedOut: () => void = () => {};

/** Says what happens when the server does not know who asks (any more). */
export function onSignedOut(act: () => void) {
  whenSignedOut = act;
}

/** The headers beside the session's cookie. */
export function accountHeaders(): Record<string, string> {
  const account = chosenAccount();
  return account === null ? {} : { "posthaste-account": account };
}

/** Throws the problem that an answer tells of. */
export async function refuse(response: Response): Promise<void> {
  if (response.ok) return;
  const problem = await ApiProblem.of(response);
  if (problem.status === 401 && problem.code === "unauthorized") whenSignedOut();
  throw problem;
}

const middleware: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(accountHeaders())) request.headers.set(name, value);
  },
  async onResponse({ response }) {
    await refuse(response);
  },
  onError() {
    return ApiProblem.unreachable();
  },
};
client.use(middleware);

/**
 * What a call answers: `await answer(client.GET("/v1/webhooks/{id}", …))`. Never undefined, as
 * whatever is not a success has been thrown.
 */
export async function answer<Data>(
  call: Promise<{ data?: Data; response: Response }>,
): Promise<NonNullable<Data>> {
  const { data, response } = await call;
  if (data === undefined || data === null) throw ApiProblem.unreadable(response);
  return data;
}

/** For calls that answer nothing (204). */
export async function done(call: Promise<unknown>): Promise<void> {
  await call;
}
