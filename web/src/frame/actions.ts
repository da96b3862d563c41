// What the palette (Ctrl K) offers beside navigation: pages register actions while they are shown.
import type { Icon } from "@tabler/icons-react";
import { useEffect, useRef, useSyncExternalStore } from "react";

export interface PaletteAction {
  id: string;
  label: string;
  description?: string;
  icon?: Icon;
  run: () => void;
}

let registered: readonly (readonly PaletteAction[])[] = [];
const listeners = new Set<() => void>();

function change(to: readonly (readonly PaletteAction[])[]) {
  registered = to;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePaletteActions(actions: PaletteAction[]) {
  const latest = useRef(actions);
  latest.current = actions;
  const names = actions.map(({ id, label }) => `${id}\t${label}`).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the names say when to register anew; what they run is looked up when they run.
  useEffect(() => {
    const mine = latest.current.map((action, n) => ({
      ...action,
      run: () => latest.current[n]?.run(),
    }));
    change([...registered, mine]);
    return () => change(registered.filter((each) => each !== mine));
  }, [names]);
}

export function useRegisteredActions(): PaletteAction[] {
  return useSyncExternalStore(subscribe, () => registered).flat();
}
