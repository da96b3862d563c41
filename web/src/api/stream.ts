// The live tail: deliveries as they change, from `/v1/stream`, resumed where it broke off.
import { useCallback, useEffect, useRef, useState } from "react";
import { accountHeaders, type Delivery, refuse } from "./client";
import { ApiProblem } from "./problem";
import { Queue } from "./queue";
import { SseParser } from "./sse";

export type StreamState = "off" | "connecting" | "live" | "reconnecting" | "paused";

export interface StreamFilter {
  webhook_id?: string;
  event?: string;
  status?: string;
}

/** Rows a person can still follow; the server drops and counts what is beyond. */
const ROWS_PER_S = 20;
/** How often rows are drawn. */
const DRAW_MS = 250;
/** Rows kept while paused; beyond, the oldest are counted only. */
const WAITING_MAX = 200;
const RECONNECT_MS = [500, 1_000, 2_000, 5_000];

interface Handlers {
  state: (state: "live" | "reconnecting") => void;
  delivery: (delivery: Delivery) => void;
  skipped: (count: number) => void;
  reset: () => void;
}

/** Follows the stream until `signal` aborts. Throws what trying again cannot mend. */
export async function followStream(filter: StreamFilter, on: Handlers, signal: AbortSignal) {
  const query = new URLSearchParams({ max_per_s: String(ROWS_PER_S) });
  for (const [name, value] of Object.entries(filter)) if (value) query.set(name, value);
  let lastId: string | null = null;
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const headers: Record<string, string> = { accept: "text/event-stream", ...accountHeaders() };
      if (lastId !== null) headers["last-event-id"] = lastId;
      const response = await fetch(`/v1/stream?${query}`, { headers, signal });
      await refuse(response);
      on.state("live");
      failures = 0;
      const parser = new SseParser();
      const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>)
        .pipeThrough(new TextDecoderStream())
        .getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        for (const { event, data, id } of parser.push(piece.value)) {
          lastId = id ?? lastId;
          if (event === "delivery") on.delivery(JSON.parse(data));
          else if (event === "skipped") on.skipped(JSON.parse(data).count);
          else if (event === "reset") on.reset();
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiProblem && !error.mayPass) throw error;
    }
    on.state("reconnecting");
    await pause(RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)] as number, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

interface Tail {
  filter: StreamFilter;
  on: boolean;
  /** Rows wait while true: the pointer or the focus is in the list. */
  paused: boolean;
  /** New or changed deliveries, oldest first, at most 20 a second. */
  onRows: (rows: Delivery[]) => void;
  /** The server could not resume: load the list again. */
  onReset: () => void;
}

/** The live tail for a page: its state, what waits while paused, and what was not shown. */
export function useDeliveryStream({ filter, on, paused, onRows, onReset }: Tail) {
  const [connection, setConnection] = useState<"connecting" | "live" | "reconnecting">(
    "connecting",
  );
  const [error, setError] = useState<Error | null>(null);
  const [waiting, setWaiting] = useState(0);
  const [skipped, setSkipped] = useState(0);
  const queue = useRef(new Queue<Delivery>(WAITING_MAX, ROWS_PER_S));
  const latest = useRef({ paused, onRows, onReset });
  latest.current = { paused, onRows, onReset };
  const key = JSON.stringify(filter);

  useEffect(() => {
    if (!on) return;
    const abort = new AbortController();
    const rows = queue.current;
    setConnection("connecting");
    setError(null);
    setSkipped(0);
    const handlers: Handlers = {
      state: setConnection,
      delivery: (delivery) => rows.push(delivery.id, delivery),
      skipped: (count) => rows.skip(count),
      reset: () => latest.current.onReset(),
    };
    followStream(JSON.parse(key), handlers, abort.signal).catch(setError);
    const timer = setInterval(() => {
      if (!latest.current.paused) {
        const ready = rows.take(performance.now());
        if (ready.length > 0) latest.current.onRows(ready);
      }
      setWaiting(rows.length);
      setSkipped(rows.skipped);
    }, DRAW_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
      rows.clear();
      setWaiting(0);
    };
  }, [on, key]);

  const forgetSkipped = useCallback(() => {
    queue.current.skipped = 0;
    setSkipped(0);
  }, []);
  const state: StreamState = !on ? "off" : paused ? "paused" : connection;
  return { state, error, waiting, skipped, forgetSkipped };
}
