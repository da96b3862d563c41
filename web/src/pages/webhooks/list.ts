// Which webhooks the list shows, in what order and on which page. All of them have been read, so
// this is done here.
import type { Webhook } from "../../api/client";
import { webhookAddress } from "../../api/queries";
import type { Sort } from "../../components/DataTable";

export const PAGE_ROWS = 50;

export type SortKey = "number" | "title" | "hits" | "last_hit_at" | "created_at";

export interface ListSearch {
  q?: string;
  status?: Webhook["status"];
  direction?: Webhook["direction"];
  sort?: SortKey;
  order?: Sort["order"];
  page?: number;
}

/** Newest first, so that a webhook just added is in sight. */
export function sortOf({ sort, order }: ListSearch): Sort & { key: SortKey } {
  return { key: sort ?? "number", order: order ?? (sort === "title" ? "ascending" : "descending") };
}

export function isFiltered({ q, status, direction }: ListSearch): boolean {
  return q !== undefined || status !== undefined || direction !== undefined;
}

/** All words have to be in the title, the URL or an event type; a number alone finds its row. */
export function found(webhook: Webhook, q: string): boolean {
  if (/^#?\d+$/.test(q) && Number(q.replace("#", "")) === webhook.number) return true;
  const all = [webhook.title, webhookAddress(webhook), webhook.id, ...webhook.events]
    .join("\n")
    .toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

export interface Shown {
  rows: Webhook[];
  /** All that match, on every page. */
  count: number;
  page: number;
  pages: number;
}

export function shown(webhooks: readonly Webhook[], search: ListSearch): Shown {
  const { q, status, direction } = search;
  const matching = webhooks.filter(
    (webhook) =>
      (status === undefined || webhook.status === status) &&
      (direction === undefined || webhook.direction === direction) &&
      (q === undefined || found(webhook, q)),
  );
  const { key, order } = sortOf(search);
  matching.sort((a, b) => (order === "ascending" ? 1 : -1) * compare(a, b, key));
  const pages = Math.max(1, Math.ceil(matching.length / PAGE_ROWS));
  const page = Math.min(Math.max(1, search.page ?? 1), pages);
  const from = (page - 1) * PAGE_ROWS;
  return { rows: matching.slice(from, from + PAGE_ROWS), count: matching.length, page, pages };
}

/** Equal ones stay in the order of their numbers. What was never hit counts as hit before all. */
function compare(a: Webhook, b: Webhook, key: SortKey): number {
  const [left, right] = [a[key] ?? "", b[key] ?? ""];
  const difference =
    typeof left === "number" && typeof right === "number"
      ? left - right
      : String(left).localeCompare(String(right), "en", { numeric: true, sensitivity: "base" });
  return difference || a.number - b.number;
}
