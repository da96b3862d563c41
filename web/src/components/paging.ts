// Paging by cursors that are in the address. A cursor leads forward only, so the way back is kept
// in the browser's history entry; without it (a shared link) there is the first page.
import { useNavigate, useRouterState } from "@tanstack/react-router";
import type { Paging } from "./DataTable";

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** The cursors of the pages before this one; "" is the first page. */
    trail?: string[];
  }
}

/** `cursor` is the one in the address, `nextCursor` the one in the list's answer. */
export function useCursorPaging(cursor: string | undefined, nextCursor: string | null): Paging {
  const navigate = useNavigate();
  const trail = useRouterState({ select: ({ location }) => location.state.trail }) ?? [];

  function go(to: string | undefined, pages: string[]) {
    void navigate({
      to: ".",
      search: ((before: Record<string, unknown>) => ({ ...before, cursor: to })) as never,
      state: { trail: pages },
    });
  }

  const previous = trail.at(-1);
  return {
    onFirst: cursor === undefined ? undefined : () => go(undefined, []),
    onPrevious:
      previous === undefined ? undefined : () => go(previous || undefined, trail.slice(0, -1)),
    onNext: nextCursor === null ? undefined : () => go(nextCursor, [...trail, cursor ?? ""]),
  };
}
