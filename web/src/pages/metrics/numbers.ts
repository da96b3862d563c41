// What the charts of the metrics board show, computed from the server's buckets.

import type { Schemas } from "../../api/client";
import type { Series } from "../../components/series";

export type Statistics = Schemas["Statistics"];
export type Numbers = Schemas["Numbers"];
type Bucket = Schemas["Bucket"];

export const rangeLengths = {
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 7 * 86_400_000,
  "30d": 30 * 86_400_000,
} as const;

const steps = [60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 86_400];
/** More bars than this are too thin to point at. */
const BUCKETS_WANTED = 120;

/** Seconds in a bucket, so that a range makes a chart with bars of a width. */
export function stepFor(lengthMs: number): number {
  const fits = (step: number) => lengthMs / 1_000 / step <= BUCKETS_WANTED;
  return steps.find(fits) ?? 86_400;
}

/** A dragged range as one that the server can answer: whole minutes, at least one. */
export function wholeMinutes(from: string, to: string): { from: string; to: string } {
  const start = Math.floor(Date.parse(from) / 60_000) * 60_000;
  const end = Math.max(Math.ceil(Date.parse(to) / 60_000) * 60_000, start + 60_000);
  return { from: new Date(start).toISOString(), to: new Date(end).toISOString() };
}

/** The range of the same length that ends where this one begins. */
export function periodBefore(from: string, to: string): { from: string; to: string } {
  const start = Date.parse(from);
  return { from: new Date(2 * start - Date.parse(to)).toISOString(), to: from };
}

/** The share of deliveries that ended well; null while none has ended. */
export function successShare({ delivered, failed }: Numbers): number | null {
  return delivered + failed === 0 ? null : delivered / (delivered + failed);
}

/** Attempts that were not answered with a 2xx. */
export function failedAttempts(numbers: Numbers): number {
  return Object.values(failures(numbers)).reduce((sum, n) => sum + n, 0);
}

/** The share of attempts that were not answered with a 2xx; null without attempts. */
export function errorRate(numbers: Numbers): number | null {
  return numbers.attempts === 0 ? null : Math.min(1, failedAttempts(numbers) / numbers.attempts);
}

/** Failed attempts by what went wrong: classes of codes first, then kinds of errors. */
export function failures(numbers: Numbers): Record<string, number> {
  const { "2xx": _, ...classes } = numbers.by_status_class;
  // An attempt that was told to come later was answered, so it is among the codes already.
  const { rate_limited: __, ...errors } = numbers.by_error;
  return { ...classes, ...errors };
}

const errorGroups: [label: string, kinds: string[]][] = [
  ["4xx", ["4xx"]],
  ["5xx", ["5xx"]],
  ["Other codes", ["1xx", "3xx"]],
  ["Timeout", ["timeout"]],
  ["No connection", ["connect", "reset", "dns", "tls", "protocol"]],
  ["Blocked", ["blocked"]],
];

/** Six series, as many as there are colours that can be told apart. Empty ones are left out. */
export function errorSeries(buckets: Bucket[]): Series[] {
  const counts = buckets.map(failures);
  const all = errorGroups.map(([label, kinds], n) => ({
    label,
    colour: `--ph-chart-${[5, 2, 6, 3, 4, 1][n]}`,
    values: counts.map((each) => kinds.reduce((sum, kind) => sum + (each[kind] ?? 0), 0)),
  }));
  const some = all.filter(({ values }) => values.some((n) => n > 0));
  return some.length > 0 ? some : all.slice(0, 2);
}

/** How the average of the later half of a range differs from the one of the earlier half. */
export function trend(buckets: Bucket[]): number | null {
  const middle = Math.floor(buckets.length / 2);
  const earlier = averageOf(buckets.slice(0, middle));
  const later = averageOf(buckets.slice(middle));
  return earlier === null || later === null || earlier === 0 ? null : later / earlier - 1;
}

/** Weighed by attempts: a bucket with one slow attempt is not worth as much as a busy one. */
function averageOf(buckets: Bucket[]): number | null {
  let attempts = 0;
  let total = 0;
  for (const bucket of buckets) {
    if (bucket.average_ms === null || bucket.average_ms === undefined) continue;
    attempts += bucket.attempts;
    total += bucket.attempts * bucket.average_ms;
  }
  return attempts === 0 ? null : total / attempts;
}

/** The first of the buckets with the busiest second. */
export function busiest(buckets: Bucket[]): Bucket | null {
  let most: Bucket | null = null;
  for (const bucket of buckets) {
    if (bucket.peak_per_second > (most?.peak_per_second ?? 0)) most = bucket;
  }
  return most;
}

/** How long each bucket has lasted, in seconds: the newest one has not ended yet. */
export function lastedS({ buckets, step, to }: Statistics): number[] {
  const end = Date.parse(to);
  return buckets.map(({ at }) => Math.max(1, Math.min(step, (end - Date.parse(at)) / 1_000)));
}

/** A number per second, in the unit that makes it readable. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0";
  const [n, unit] =
    perSecond >= 1
      ? [perSecond, "s"]
      : perSecond * 60 >= 1
        ? [perSecond * 60, "min"]
        : [perSecond * 3_600, "h"];
  return `${n >= 100 ? Math.round(n) : Number(n.toPrecision(2))}/${unit}`;
}

/** "+12%", "−3.5%", "±0%": a change in a share or a number. */
export function formatChange(change: number): string {
  const percent = Math.abs(change) * 100;
  const rounded = percent >= 10 ? Math.round(percent) : Math.round(percent * 10) / 10;
  if (rounded === 0) return "±0%";
  return `${change > 0 ? "+" : "−"}${rounded}%`;
}

/** What a kind of failure means, in a sentence. */
export const failureWords: Record<string, string> = {
  "1xx": "Answered with an interim code only",
  "3xx": "Redirects: they are not followed; give the webhook the final URL",
  "4xx": "Your server refused: often a wrong secret, path or method",
  "5xx": "Your server had an error",
  timeout: "No answer within the webhook's timeout",
  connect: "No connection: nothing listens there, or a firewall drops it",
  dns: "The host's name could not be resolved",
  tls: "The certificate or the TLS handshake was not accepted",
  reset: "The connection was closed before an answer",
  protocol: "The answer was no valid HTTP",
  blocked: "The address is not one that may be sent to",
};
