// What is in the query of an address, as plain text: `?status=failed&events=a&events=b`. The
// router's own way writes JSON there, which nobody can type or read.

export type RawSearch = Record<string, string | string[]>;

export function parseSearch(text: string): RawSearch {
  const search: RawSearch = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const before = search[name];
    search[name] = before === undefined ? value : [before, value].flat();
  }
  return search;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const item of [value].flat()) {
      if (item !== undefined && item !== null && item !== "") query.append(name, String(item));
    }
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

// Readers of single parameters. What does not fit is left out: an old or mistyped address shows
// the page without that filter, not an error.

export function text(value: unknown): string | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" && first !== "" ? first : undefined;
}

export function texts(value: unknown): string[] | undefined {
  const all = [value].flat().filter((item) => typeof item === "string" && item !== "") as string[];
  return all.length === 0 ? undefined : all;
}

export function oneOf<const Choice extends string>(choices: readonly Choice[], value: unknown) {
  return choices.find((choice) => choice === text(value));
}

export function whole(value: unknown): number | undefined {
  const read = typeof value === "number" ? String(value) : text(value);
  return read !== undefined && /^\d{1,15}$/.test(read) ? Number(read) : undefined;
}

export function time(value: unknown): string | undefined {
  const read = text(value);
  return read !== undefined && !Number.isNaN(Date.parse(read)) ? read : undefined;
}

export function flag(value: unknown): true | undefined {
  return value === true || text(value) === "true" ? true : undefined;
}
