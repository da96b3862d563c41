/** The token of a one-time link, from the address's fragment without its "#". */
export function linkToken(fragment: string): string | null {
  return new URLSearchParams(fragment).get("link") || null;
}
