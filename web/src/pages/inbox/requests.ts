// What the test inbox holds, read bit by bit: each look asks only for what came since the last one.
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { ApiProblem, answer, client } from "../../api/client";

export interface SignatureVerdict {
  name: string;
  verdict: "verified" | "failed" | "absent" | "unchecked";
  reason: string | null;
  message: string;
}

/** One request that arrived. More exact than the API's description, which has no pairs. */
export interface InboxRequest {
  number: number;
  at: string;
  name: string;
  headers: [name: string, value: string][];
  body: string;
  answered: number;
  /** null if the body names no webhook of this server. */
  verdict: (Omit<SignatureVerdict, "name"> & { signatures: SignatureVerdict[] }) | null;
}

export interface Inbox {
  /** Newest first. */
  requests: InboxRequest[];
  /** The number to ask from. */
  since: number;
}

interface Answer {
  data: InboxRequest[];
  next_since: number;
  more: boolean;
}

/** As many as the server keeps. */
const KEPT_MAX = 500;
const LOOK_MS = 1_500;

export const inboxKey = ["inbox", "requests"];

export function inboxQuery(queries: QueryClient) {
  return queryOptions({
    queryKey: inboxKey,
    queryFn: async () => {
      let inbox = queries.getQueryData<Inbox>(inboxKey) ?? { requests: [], since: 0 };
      let more = true;
      while (more) {
        const query = { since: inbox.since };
        const read = await answer(client.GET("/v1/inbox/requests", { params: { query } }));
        more = read.more;
        inbox = merged(inbox, read as Answer);
      }
      return inbox;
    },
    // A server without an inbox does not get one while it runs.
    refetchInterval: ({ state: { error } }) =>
      error instanceof ApiProblem && error.status === 404 ? false : LOOK_MS,
    staleTime: 0,
  });
}

/** A server that has begun to count anew was started again, and has forgotten what was before. */
export function merged(before: Inbox, { data, next_since }: Answer): Inbox {
  const kept = next_since < before.since ? [] : before.requests;
  return {
    requests: [...data.toReversed(), ...kept].slice(0, KEPT_MAX),
    since: next_since,
  };
}

export function headerOf({ headers }: InboxRequest, name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}

/** Whether every word is somewhere in the request. */
export function found(request: InboxRequest, search: string): boolean {
  const all = [request.name, request.body, String(request.answered), ...request.headers.flat()]
    .join("\n")
    .toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** What is allowed in an address behind /inbox/receive/. */
export function isName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(name);
}
