// What one person prefers in one browser, kept in local storage.
import { useSyncExternalStore } from "react";

export interface Preferences {
  /** `short`: relative and local formats. `iso`: always ISO 8601 in local time. */
  times: "short" | "iso";
  /** Single-key shortcuts; some people's input devices type letters by themselves. */
  shortcuts: boolean;
}

const defaults: Preferences = { times: "short", shortcuts: true };

// Local storage may be switched off, full, or absent (tests); the dashboard works without.
export function readSetting(name: string): string | null {
  try {
    return localStorage.getItem(`posthaste.${name}`);
  } catch {
    return null;
  }
}

export function writeSetting(name: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(`posthaste.${name}`);
    else localStorage.setItem(`posthaste.${name}`, value);
  } catch {
    // It holds until the page is left.
  }
}

let current: Preferences = load();
const listeners = new Set<() => void>();

function load(): Preferences {
  try {
    return { ...defaults, ...JSON.parse(readSetting("preferences") ?? "{}") };
  } catch {
    return defaults;
  }
}

export function changePreferences(change: Partial<Preferences>) {
  current = { ...current, ...change };
  writeSetting("preferences", JSON.stringify(current));
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function preferences(): Preferences {
  return current;
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, preferences);
}
