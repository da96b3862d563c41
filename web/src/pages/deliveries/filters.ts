// The filters of the delivery log: from the address to what is asked of the server, and what the
// server cannot filter by.
import { answer, client, type Delivery, type Page } from "../../api/client";
import type { periods } from "../../choices";

/** What is in the address. `selected` and `live` say how the log is shown, not what is in it. */
export interface LogSearch {
  webhook_id?: string;
  event?: string;
  event_id?: string;
  status?: Delivery["status"];
  /** "500", or a class: "5xx". */
  status_code?: string;
  outcome?: NonNullable<Delivery["last_attempt"]>["outcome"];
  trigger?: Delivery["trigger"];
  /** Up to now: stays true when the address is opened later. */
  within?: Period;
  since?: string;
  until?: string;
  live?: true;
  cursor?: string;
  selected?: string;
}

export type Period = (typeof periods)[number];

export const periodMs: Record<Period, number> = {
  "15m": 15 * 60_000,
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 7 * 86_400_000,
  "30d": 30 * 86_400_000,
};

export const periodWord: Record<Period, string> = {
  "15m": "Last 15 minutes",
  "1h": "Last hour",
  "24h": "Last 24 hours",
  "7d": "Last 7 days",
  "30d": "Last 30 days",
};

export const filterNames = [
  "webhook_id",
  "event",
  "event_id",
  "status",
  "status_code",
  "outcome",
  "trigger",
  "within",
  "since",
  "until",
] as const satisfies (keyof LogSearch)[];

export type Filters = Pick<LogSearch, (typeof filterNames)[number]>;

/** The filters alone, without how the log is shown. */
export function filtersOf(search: LogSearch): Filters {
  const filters: Record<string, unknown> = {};
  for (const name of filterNames) if (search[name] !== undefined) filters[name] = search[name];
  return filters;
}

/** How many things it is filtered by; a time range is one. */
export function filterCount(filters: Filters, fixed?: keyof Filters): number {
  const names = new Set<string>();
  for (const name of Object.keys(filtersOf(filters))) {
    if (name !== fixed) names.add(name === "since" || name === "until" ? "within" : name);
  }
  return names.size;
}

/** A status code as somebody types it: "500", "5xx", "5". undefined if it is none. */
export function parseCode(text: string): string | undefined {
  const code = text.trim().toLowerCase();
  if (/^[1-5]\d\d$/.test(code)) return code;
  return /^[1-5](xx?)?$/.test(code) ? `${code[0]}xx` : undefined;
}

/** Whether a delivery is one of those looked for. */
export function matches(delivery: Delivery, filters: Filters, now: number): boolean {
  const { webhook_id, event, event_id, status, trigger, within, since, until } = filters;
  const created = Date.parse(delivery.created_at);
  return (
    (webhook_id === undefined || delivery.webhook_id === webhook_id) &&
    (event === undefined || delivery.event === event) &&
    (event_id === undefined || delivery.event_id === event_id) &&
    (status === undefined || delivery.status === status) &&
    (trigger === undefined || delivery.trigger === trigger) &&
    (within === undefined || created >= now - periodMs[within]) &&
    (since === undefined || created >= Date.parse(since)) &&
    (until === undefined || created < Date.parse(until)) &&
    matchesAttempt(delivery, filters)
  );
}

function matchesAttempt({ last_attempt: last }: Delivery, { status_code, outcome }: Filters) {
  if (outcome !== undefined && last?.outcome !== outcome) return false;
  if (status_code === undefined) return true;
  const code = String(last?.status_code ?? "");
  return status_code.endsWith("xx")
    ? code.length === 3 && code[0] === status_code[0]
    : code === status_code;
}

const ROWS = 50;
/** Asked for at a time when most of them will be left out here. */
const PAGE_MAX = 200;
/** Calls that one page of the log may take: ten took 2.3 s where what is looked for is rare. */
const CALLS_MAX = 5;

/** The filters that the server does not know, which are looked for here. */
export function lookedFor(filters: Filters): boolean {
  return (
    filters.outcome !== undefined ||
    filters.trigger !== undefined ||
    filters.status_code?.endsWith("xx") === true
  );
}

export interface LogPage extends Page<Delivery> {
  /** How many deliveries were looked through, when the server could not filter alone. */
  looked_through: number | null;
}

/** One page of the log, newest first. */
export async function readLog(
  filters: Filters,
  cursor: string | undefined,
  now: number,
): Promise<LogPage> {
  const { webhook_id, event, event_id, status, status_code, within, since, until } = filters;
  const query = {
    webhook_id,
    event,
    event_id,
    status,
    status_code: status_code?.endsWith("xx") ? undefined : numberOf(status_code),
    since: within === undefined ? since : new Date(now - periodMs[within]).toISOString(),
    until,
  };
  const read = (limit: number, from: string | undefined) =>
    answer(client.GET("/v1/deliveries", { params: { query: { ...query, limit, cursor: from } } }));

  if (!lookedFor(filters)) {
    const page = await readOn(
      (from) => read(ROWS, from),
      cursor,
      () => true,
    );
    return { ...page, looked_through: null };
  }
  const isWanted = (delivery: Delivery) => matches(delivery, filters, now);
  return readOn((from) => read(PAGE_MAX, from), cursor, isWanted);
}

/**
 * Reads until there are enough rows for a page: the server too looks through a bounded number of
 * deliveries at a time, and answers with the few it has found and a cursor.
 */
export async function readOn(
  read: (cursor: string | undefined) => Promise<Page<Delivery>>,
  cursor: string | undefined,
  isWanted: (delivery: Delivery) => boolean,
) {
  const data: Delivery[] = [];
  let looked_through = 0;
  let next = cursor;
  for (let calls = 0; calls < CALLS_MAX; calls += 1) {
    const page = await read(next);
    looked_through += page.data.length;
    data.push(...page.data.filter(isWanted));
    next = page.next_cursor ?? undefined;
    if (next === undefined || data.length >= ROWS) break;
  }
  return { data, next_cursor: next ?? null, looked_through };
}

function numberOf(code: string | undefined): number | undefined {
  return code !== undefined && /^\d+$/.test(code) ? Number(code) : undefined;
}

/** What an id that somebody pasted leads to. */
export function idKind(text: string): "delivery" | "event" | "webhook" | undefined {
  if (/^dlv_\w+$/.test(text)) return "delivery";
  if (/^evt_\w+$/.test(text)) return "event";
  return /^wh_\w+$/.test(text) ? "webhook" : undefined;
}
