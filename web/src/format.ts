// Numbers and times as people read them. Nothing here reads the clock: `now` is an argument.
import dayjs from "dayjs";

const counts = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 1247 → "1,247". */
export function formatCount(n: number): string {
  return counts.format(n);
}

/** 1247 → "1.2K": for axes and badges. */
export function formatCompact(n: number): string {
  return compact.format(n);
}

/** 0.9987 → "99.9%". Never rounds up to a 100 % that is not one, nor down to 0. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  const floored = percent > 99 ? Math.floor(percent * 10) / 10 : Math.round(percent * 10) / 10;
  return `${floored}%`;
}

/** 820 → "820 ms", 1234 → "1.23 s", 125000 → "2 min 5 s". */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${trim((ms / 1_000).toFixed(2))} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const units = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = units.findIndex(([n]) => n > 0);
  return units
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

function trim(decimal: string): string {
  return decimal.replace(/\.?0+$/, "");
}

/** 262144 → "256 KiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let n = bytes;
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? n : trim(n.toFixed(1))} ${units[unit]}`;
}

/** "just now", "5 min ago", "in 1 min 20 s", "3 d ago"; a date beyond a week. */
export function formatRelative(at: string, now: number): string {
  const ms = new Date(at).getTime() - now;
  const size = Math.abs(ms);
  if (size < 1_000) return "just now";
  if (size > 7 * 86_400_000) return dayjs(at).format("YYYY-MM-DD");
  if (ms > 0) return `in ${formatDuration(Math.ceil(size / 1_000) * 1_000)}`;
  const rough =
    size < 60_000
      ? Math.floor(size / 1_000) * 1_000
      : size < 3_600_000
        ? Math.floor(size / 60_000) * 60_000
        : size < 86_400_000
          ? Math.floor(size / 3_600_000) * 3_600_000
          : Math.floor(size / 86_400_000) * 86_400_000;
  return `${formatDuration(rough)} ago`;
}

/** Local time to the second: "2025-01-15 14:30:25". */
export function formatSeconds(at: string): string {
  return dayjs(at).format("YYYY-MM-DD HH:mm:ss");
}

/** Local time to the minute, in 12 hours: "2025-01-10 10:40 PM". */
export function formatMinutes(at: string): string {
  return dayjs(at).format("YYYY-MM-DD hh:mm A");
}

/** Local time with its zone: "2025-01-15T14:30:25.123+01:00". */
export function formatIso(at: string): string {
  return dayjs(at).format("YYYY-MM-DDTHH:mm:ss.SSSZ");
}

/** The first sentence of a text; abbreviations with a lower-case letter after them do not end it. */
export function firstSentence(text: string): string {
  return /^.*?[.!?](?=\s+[^a-z]|\s*$)/s.exec(text)?.[0] ?? text;
}
