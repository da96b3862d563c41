// A request as a command for a POSIX shell, with every part quoted so that nothing in it can be
// read as anything but text: URLs, headers and bodies come from strangers.

export interface Request {
  url: string;
  headers: { name: string; value: string }[];
  body: string;
}

/** What curl sets by itself. */
const OWN = new Set(["host", "content-length", "connection", "transfer-encoding"]);

export function toCurl({ url, headers, body }: Request): string {
  const parts = ["curl -X POST"];
  // Without it, curl reads brackets and braces in an address as patterns.
  if (/[[\]{}]/.test(url)) parts.push("--globoff");
  parts.push(`--url ${quote(url)}`);
  for (const { name, value } of headers) {
    if (OWN.has(name.toLowerCase())) continue;
    // "name:" would remove the header; a semicolon sends it empty.
    parts.push(`-H ${quote(value === "" ? `${name};` : `${name}: ${value}`)}`);
  }
  // Unlike --data, this one does not read a file when the text begins with an @.
  parts.push(`--data-raw ${quote(body)}`);
  return parts.join(" \\\n  ");
}

/** In single quotes a shell changes nothing; one within ends them, stands escaped, and reopens. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
