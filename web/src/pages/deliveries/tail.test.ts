import { expect, test } from "vitest";
import type { Delivery } from "../../api/client";
import { sampleDelivery } from "./sample";
import { addToTail, later, TAIL_MAX, withTail } from "./tail";

function row(id: string, attempt_count = 1, ended = false): Delivery {
  return sampleDelivery({ id, attempt_count, ended_at: ended ? "2025-01-15T14:30:01Z" : null });
}

function shown(rows: Delivery[]): string[] {
  return rows.map(({ id, attempt_count }) => `${id}:${attempt_count}`);
}

test("new rows stand at the top, newest first", () => {
  const tail = addToTail([row("a")], [row("b"), row("c")]);
  expect(shown(tail)).toEqual(["c:1", "b:1", "a:1"]);
});

test("a row that is known changes in its place", () => {
  const tail = addToTail([row("b"), row("a")], [row("a", 2), row("c"), row("c", 2)]);
  expect(shown(tail)).toEqual(["c:2", "b:1", "a:2"]);
});

test("the tail has an end", () => {
  const many = Array.from({ length: TAIL_MAX + 5 }, (_, n) => row(`row${n}`));
  const tail = addToTail([], many);
  expect(tail).toHaveLength(TAIL_MAX);
  expect(tail[0]?.id).toBe(`row${TAIL_MAX + 4}`);
});

test("the list keeps its order, and shows whichever state came later", () => {
  const list = [row("b", 3), row("a", 1)];
  expect(shown(withTail([row("c"), row("a", 2), row("b", 2)], list))).toEqual([
    "c:1",
    "b:3",
    "a:2",
  ]);
});

test("an ended delivery does not go back to an older state", () => {
  expect(later(row("a", 1, true), row("a", 1)).ended_at).not.toBeNull();
  expect(later(row("a", 1), row("a", 1, true)).ended_at).not.toBeNull();
});
