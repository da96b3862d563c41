// What was typed into a form and not sent, so that a reload does not lose it. Kept for this tab
// only: header values may be credentials, which nobody else at this computer should find.
import type { Values } from "./values";

interface Draft {
  /** Of the webhook when the draft was begun: one of an older state would undo what came since. */
  updated_at: string | null;
  values: Values;
}

const name = (key: string) => `posthaste.draft.${key}`;

export function readDraft(key: string, updatedAt: string | null): Values | null {
  try {
    const draft = JSON.parse(sessionStorage.getItem(name(key)) ?? "null") as Draft | null;
    return draft !== null && draft.updated_at === updatedAt ? draft.values : null;
  } catch {
    return null;
  }
}

export function writeDraft(key: string, updatedAt: string | null, values: Values | null) {
  try {
    if (values === null) sessionStorage.removeItem(name(key));
    else {
      const draft: Draft = { updated_at: updatedAt, values };
      sessionStorage.setItem(name(key), JSON.stringify(draft));
    }
  } catch {
    // Without storage a reload loses it, as it does everywhere.
  }
}
