// Which range the metrics are of, kept in the address by every page that shows the board.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { ranges } from "../../router";
import { rangeLengths, wholeMinutes } from "./numbers";

export type Range = (typeof ranges)[number];

export interface RangeState {
  range: Range;
  /** Only of a custom range. */
  from?: string;
  to?: string;
  compare: boolean;
  choose: (range: Range) => void;
  zoom: (from: string, to: string) => void;
  setCompare: (compare: boolean) => void;
  /** The range as it is at this moment. */
  limits: () => { from: string; to: string };
}

export function useRange(): RangeState {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const { from, to, compare = false } = search;
  const custom = search.range === "custom" && from !== undefined && to !== undefined;
  const range = custom ? "custom" : search.range === "custom" ? "24h" : (search.range ?? "24h");

  return useMemo(() => {
    const limits = () => {
      if (custom) return { from, to };
      const now = Date.now();
      const length = rangeLengths[range as keyof typeof rangeLengths];
      return { from: new Date(now - length).toISOString(), to: new Date(now).toISOString() };
    };
    const change = (changed: object) =>
      void navigate({
        to: ".",
        search: ((before: object) => ({ ...before, ...changed })) as never,
        resetScroll: false,
      });
    return {
      range,
      from: custom ? from : undefined,
      to: custom ? to : undefined,
      compare,
      choose: (next) =>
        // A custom range begins as what is shown.
        change(
          next === "custom"
            ? { range: next, ...wholeMinutes(limits().from, limits().to) }
            : { range: next, from: undefined, to: undefined },
        ),
      zoom: (start, end) => change({ range: "custom", ...wholeMinutes(start, end) }),
      setCompare: (next) => change({ compare: next || undefined }),
      limits,
    };
  }, [range, custom, from, to, compare, navigate]);
}
