// Rows of the live tail over those of the list: what is new stands at the top, what is known
// changes in its place.
import type { Delivery } from "../../api/client";

/** Rows that the tail keeps; the oldest leave at the bottom. */
export const TAIL_MAX = 200;

/** The tail, newest first, with rows that came (oldest first). */
export function addToTail(tail: Delivery[], came: Delivery[]): Delivery[] {
  const rows = new Map(tail.map((delivery) => [delivery.id, delivery]));
  const fresh: Delivery[] = [];
  for (const delivery of came) {
    const before = rows.get(delivery.id);
    if (before === undefined) fresh.unshift(delivery);
    rows.set(delivery.id, before === undefined ? delivery : later(before, delivery));
  }
  return [...fresh, ...tail].slice(0, TAIL_MAX).map(({ id }) => rows.get(id) as Delivery);
}

/** The list with the tail: rows that are in both stand where the list has them. */
export function withTail(tail: Delivery[], list: Delivery[]): Delivery[] {
  if (tail.length === 0) return list;
  const newest = new Map(tail.map((delivery) => [delivery.id, delivery]));
  const known = new Set(list.map(({ id }) => id));
  return [
    ...tail.filter(({ id }) => !known.has(id)),
    ...list.map((row) => later(row, newest.get(row.id) ?? row)),
  ];
}

/** Of two states of one delivery the one that came later; `b` when there is no telling. */
export function later(a: Delivery, b: Delivery): Delivery {
  if (a.attempt_count !== b.attempt_count) return a.attempt_count > b.attempt_count ? a : b;
  return a.ended_at !== null && b.ended_at === null ? a : b;
}
