import { expect, test } from "vitest";
import { quote, toCurl } from "./curl";

// By a name that TypeScript does not follow: the dashboard itself has no types of Node.
const childProcess: string = "node:child_process";
const { execFileSync } = await import(childProcess);

test.each([
  ["plain", "'plain'"],
  ["it's", `'it'\\''s'`],
  ["$(rm -rf ~) `id` $HOME", "'$(rm -rf ~) `id` $HOME'"],
  ["", "''"],
])("quotes %s", (text, quoted) => {
  expect(quote(text)).toBe(quoted);
});

test.each(["'", "''", "a'b\"c", "\\", "\\'", "!!", "new\nline", "tab\t", "$(id)`id`", "ü 👍 * ?"])(
  "a shell reads %j as it was",
  (text) => {
    const read = execFileSync("sh", ["-c", `printf %s ${quote(text)}`], { encoding: "utf8" });
    expect(read).toBe(text);
  },
);

test("a whole command", () => {
  const command = toCurl({
    url: "https://a.example/hook?x='1'",
    headers: [
      { name: "content-type", value: "application/json" },
      { name: "Content-Length", value: "12" },
      { name: "x-empty", value: "" },
    ],
    body: '{"text":"it\'s"}',
  });
  expect(command).toBe(
    [
      "curl -X POST",
      `--url 'https://a.example/hook?x='\\''1'\\'''`,
      "-H 'content-type: application/json'",
      "-H 'x-empty;'",
      `--data-raw '{"text":"it'\\''s"}'`,
    ].join(" \\\n  "),
  );
});

test("brackets in an address are no pattern, and no part can become an option or a file", () => {
  expect(toCurl({ url: "https://[::1]/", headers: [], body: "@/etc/passwd" })).toBe(
    "curl -X POST \\\n  --globoff \\\n  --url 'https://[::1]/' \\\n  --data-raw '@/etc/passwd'",
  );
});
