// Colours JSON: cuts it into pieces with a kind each. Never changes or drops a character, so
// whatever is no JSON comes out as it went in.
export type Kind = "key" | "text" | "number" | "word" | "plain";

export interface Piece {
  kind: Kind;
  text: string;
}

const token =
  /("(?:[^"\\\n]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;

export function highlightJson(code: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of code.matchAll(token)) {
    const [, string, colon, number] = match;
    const text = string ?? match[0];
    if (match.index > from) pieces.push({ kind: "plain", text: code.slice(from, match.index) });
    const kind = string === undefined ? (number === undefined ? "word" : "number") : "text";
    pieces.push({ kind: colon === undefined ? kind : "key", text });
    from = match.index + text.length;
  }
  if (from < code.length) pieces.push({ kind: "plain", text: code.slice(from) });
  return pieces;
}

/** Indented, if it is JSON; else null. */
export function prettyJson(text: string): string | null {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}
