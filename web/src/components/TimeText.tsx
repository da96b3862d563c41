// A moment: short in place, exact in a tooltip (local and UTC).
import { Tooltip } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { formatIso, formatMinutes, formatRelative, formatSeconds } from "../format";
import { usePreferences } from "../settings";

interface Props {
  at: string | null | undefined;
  /** `seconds`: 2025-01-15 14:30:25. `minutes`: 2025-01-10 10:40 PM. */
  as?: "relative" | "seconds" | "minutes";
  /** Shown when there is no such moment. */
  never?: string;
}

export function TimeText({ at, as = "relative", never = "—" }: Props) {
  const { times } = usePreferences();
  const text = useTicking(times === "short" && as === "relative", (now) => {
    if (at == null) return never;
    if (times !== "short") return formatIso(at);
    if (as === "seconds") return formatSeconds(at);
    return as === "minutes" ? formatMinutes(at) : formatRelative(at, now);
  });
  if (at == null) return <span>{text}</span>;
  const exact = (
    <span className="mono">
      {formatIso(at)}
      <br />
      {new Date(at).toISOString()}
    </span>
  );
  return (
    <Tooltip label={exact}>
      <time dateTime={at} className="tabular" style={{ whiteSpace: "nowrap" }}>
        {text}
      </time>
    </Tooltip>
  );
}

// One clock for all relative times on a page.
const TICK_MS = 1_000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let tick = Date.now();

function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    tick = Date.now();
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

const still = () => () => {};

/** The time, each second; the one of the first drawing when `ticking` is false. */
export function useNow(ticking = true): number {
  return useTicking(ticking, (now) => now);
}

/** What becomes of the time. Who uses it is drawn when that changes, not with each second. */
function useTicking<Of extends string | number>(ticking: boolean, of: (now: number) => Of): Of {
  return useSyncExternalStore(ticking ? subscribe : still, () => {
    // Without a running clock, the last tick may be long ago.
    if (timer === undefined && Date.now() - tick > TICK_MS) tick = Date.now();
    return of(tick);
  });
}
