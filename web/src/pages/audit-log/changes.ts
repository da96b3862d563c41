// A change of one field, as people read it.

export interface FieldChange {
  field: string;
  before: unknown;
  after: unknown;
}

export type Reading =
  /** Only that it changed is known. */
  | { is: "secret"; word: "set" | "changed" | "removed" }
  /** A list of texts: what came and what went. */
  | { is: "list"; added: string[]; removed: string[] }
  /** null: there was or is nothing. */
  | { is: "value"; before: string | null; after: string | null };

const REDACTED = "[redacted]";

export function readChange({ before, after }: FieldChange): Reading {
  if (before === REDACTED || after === REDACTED) {
    return {
      is: "secret",
      word: before === null ? "set" : after === null ? "removed" : "changed",
    };
  }
  const [old, now] = [textsOf(before), textsOf(after)];
  if (old !== null && now !== null) {
    const added = now.filter((text) => !old.includes(text));
    const removed = old.filter((text) => !now.includes(text));
    // Where only their order changed, both lists are shown.
    if (added.length + removed.length > 0) return { is: "list", added, removed };
  }
  return { is: "value", before: shown(before), after: shown(after) };
}

function textsOf(value: unknown): string[] | null {
  if (value === null) return [];
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : null;
}

function shown(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) {
    return value.join(", ");
  }
  return JSON.stringify(value);
}

const SPELLED: Record<string, string> = { url: "URL", email: "E-mail" };

/** `retry_delays_s` → "Retry delays (s)". */
export function fieldWord(field: string): string {
  const unit = /_(s|ms|per_s)$/.exec(field)?.[1];
  const words = (unit === undefined ? field : field.slice(0, -unit.length - 1)).replaceAll(
    "_",
    " ",
  );
  const name = SPELLED[words] ?? words.charAt(0).toUpperCase() + words.slice(1);
  if (unit === undefined) return name;
  return `${name} (${unit.replace("per_", "per ")})`;
}
