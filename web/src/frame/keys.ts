// Which keys mean which shortcut: "n", "?", "g w" (one after the other), "mod+k" (Ctrl or ⌘).

export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** A key press as shortcuts are written; null for one that can be part of none. */
export function spelled(press: Press): string | null {
  if (press.altKey || press.key === "Shift" || press.key === "Control" || press.key === "Meta") {
    return null;
  }
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  return press.ctrlKey || press.metaKey ? `mod+${key}` : key;
}

/**
 * What a press means after the ones before it (`typed`, "" or the begin of a sequence): the
 * shortcut it completes, and what later presses are to be read after.
 */
export function match(
  shortcuts: readonly string[],
  typed: string,
  key: string,
): { found: string | null; typed: string } {
  const sequence = typed === "" ? key : `${typed} ${key}`;
  for (const attempt of typed === "" ? [sequence] : [sequence, key]) {
    if (shortcuts.includes(attempt)) return { found: attempt, typed: "" };
    if (shortcuts.some((shortcut) => shortcut.startsWith(`${attempt} `))) {
      return { found: null, typed: attempt };
    }
  }
  return { found: null, typed: "" };
}
