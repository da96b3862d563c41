import { expect, test } from "vitest";
import { Queue } from "./queue";
import { SseParser } from "./sse";

test("events are read however the pieces are cut", () => {
  const text = ': hello\n\nevent: delivery\r\nid: a-1\ndata: {"x":\ndata: 1}\n\ndata: plain\n\n';
  for (let size = 1; size <= text.length; size++) {
    const parser = new SseParser();
    const events = [];
    for (let at = 0; at < text.length; at += size)
      events.push(...parser.push(text.slice(at, at + size)));
    expect(events).toEqual([
      { event: "delivery", id: "a-1", data: '{"x":\n1}' },
      { event: "message", id: "a-1", data: "plain" },
    ]);
  }
});

test("at most so many rows a second are drawn", () => {
  const queue = new Queue<number>(100, 20);
  for (let n = 0; n < 50; n++) queue.push(String(n), n);
  expect(queue.take(0)).toHaveLength(20);
  expect(queue.take(100)).toHaveLength(2);
  expect(queue.take(10_000)).toHaveLength(20);
  expect(queue.take(20_000)).toHaveLength(8);
});

test("a newer state replaces the one that waits, and what is beyond the bound is counted", () => {
  const queue = new Queue<string>(2, 20);
  queue.push("a", "a1");
  queue.push("b", "b1");
  queue.push("a", "a2");
  queue.push("c", "c1");
  expect(queue.skipped).toBe(1);
  expect(queue.take(0)).toEqual(["a2", "c1"]);
});
