// Keyboard shortcuts: pages register theirs while they are shown; one listener runs them.
import { useEffect, useRef, useSyncExternalStore } from "react";
import { preferences } from "../settings";
import { match, spelled } from "./keys";

export interface Shortcut {
  /** "n", "g w", "mod+k", "Escape". */
  keys: string;
  /** What it does, for the sheet. */
  label: string;
  group: "Go to" | "Lists" | "This page" | "General";
  run: () => void;
}

/** Longest pause within a sequence. */
const SEQUENCE_MS = 1_000;

let registered: readonly (readonly Shortcut[])[] = [];
const listeners = new Set<() => void>();

function change(to: readonly (readonly Shortcut[])[]) {
  registered = to;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Registers shortcuts while the component is shown. Of two with the same keys the newer runs. */
export function useShortcuts(shortcuts: Shortcut[]) {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const names = shortcuts.map(({ keys, label, group }) => `${keys}\t${label}\t${group}`).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the names say when to register anew; what they run is looked up when they run.
  useEffect(() => {
    const mine = latest.current.map((shortcut, n) => ({
      ...shortcut,
      run: () => latest.current[n]?.run(),
    }));
    change([...registered, mine]);
    return () => change(registered.filter((each) => each !== mine));
  }, [names]);
}

/** All that work now, for the sheet. */
export function useRegisteredShortcuts(): Shortcut[] {
  const all = useSyncExternalStore(subscribe, () => registered).flat();
  return all.filter(({ keys }, n) => all.findLastIndex((each) => each.keys === keys) === n);
}

/** Listens to the keyboard. Once, in the frame. */
export function useShortcutListener() {
  useEffect(() => {
    let typed = "";
    let since = 0;
    function onKeyDown(event: KeyboardEvent) {
      const key = spelled(event);
      if (key === null || event.defaultPrevented || event.isComposing) return;
      if (!key.startsWith("mod+") && (!preferences().shortcuts || isTaken(event))) return;
      if (event.timeStamp - since > SEQUENCE_MS) typed = "";
      since = event.timeStamp;
      const all = registered.flat();
      const read = match(
        all.map(({ keys }) => keys),
        typed,
        key,
      );
      typed = read.typed;
      if (read.found === null) return;
      event.preventDefault();
      all.findLast(({ keys }) => keys === read.found)?.run();
    }
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

/** Whether the key is text for a field, or belongs to an open dialog, menu or list. */
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  const field =
    "textarea, select, [contenteditable=true], input:not([type=checkbox], [type=radio])";
  return (
    target.closest(`${field}, [role=menu], [role=listbox], [role=dialog]`) !== null ||
    document.querySelector("[role=dialog][aria-modal=true]") !== null
  );
}
