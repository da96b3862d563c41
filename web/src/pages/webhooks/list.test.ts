import { expect, test } from "vitest";
import type { Webhook } from "../../api/client";
import { found, PAGE_ROWS, shown } from "./list";

function webhook(number: number, of: Partial<Webhook> = {}): Webhook {
  const at = `2025-01-10T00:00:${String(number % 60).padStart(2, "0")}Z`;
  return {
    id: `wh_${number}`,
    number,
    title: `Hook ${number}`,
    direction: "outbound",
    url: "https://example.com/hooks",
    events: ["call.ended"],
    status: "enabled",
    hits: 0,
    last_hit_at: null,
    created_at: at,
    ...of,
  } as Webhook;
}

const numbers = (rows: Webhook[]) => rows.map(({ number }) => number);

test("the newest is first", () => {
  expect(numbers(shown([webhook(1), webhook(3), webhook(2)], {}).rows)).toEqual([3, 2, 1]);
});

test("titles sort as people count", () => {
  const rows = [webhook(1, { title: "b 10" }), webhook(2, { title: "B 9" })];
  expect(numbers(shown(rows, { sort: "title" }).rows)).toEqual([2, 1]);
});

test("never hit is before all hits, and equal ones go by number", () => {
  const rows = [webhook(1), webhook(2, { last_hit_at: "2025-01-15T14:30:25Z" }), webhook(3)];
  const search = { sort: "last_hit_at", order: "ascending" } as const;
  expect(numbers(shown(rows, search).rows)).toEqual([1, 3, 2]);
});

test("filters by status and words together", () => {
  const rows = [
    webhook(1, { title: "CRM", status: "paused" }),
    webhook(2, { title: "CRM" }),
    webhook(3, { status: "paused" }),
  ];
  expect(numbers(shown(rows, { q: "crm", status: "paused" }).rows)).toEqual([1]);
});

test("filters by direction, and finds one that receives by its path", () => {
  const path = "/in/tok_1/contact";
  const receiving = webhook(2, {
    direction: "inbound",
    endpoints: [{ event: "contact", method: "POST", path, url: null, fields: [] }],
  } as Partial<Webhook>);
  const rows = [webhook(1), receiving];
  expect(numbers(shown(rows, { direction: "inbound" }).rows)).toEqual([2]);
  expect(numbers(shown(rows, { q: "tok_1" }).rows)).toEqual([2]);
});

test("finds by title, URL, event type, id and number", () => {
  const one = webhook(12, { title: "CRM Integration" });
  for (const q of [
    "crm integ",
    "example.com",
    "call.ended",
    "wh_12",
    "12",
    "#12",
    "integration crm",
  ])
    expect(found(one, q), q).toBe(true);
  for (const q of ["sms", "#1", "crm sms"]) expect(found(one, q), q).toBe(false);
});

test("a page beyond the last is the last", () => {
  const rows = Array.from({ length: PAGE_ROWS + 1 }, (_, n) => webhook(n + 1));
  const { rows: last, page, pages, count } = shown(rows, { page: 9 });
  expect([numbers(last), page, pages, count]).toEqual([[1], 2, 2, PAGE_ROWS + 1]);
});
