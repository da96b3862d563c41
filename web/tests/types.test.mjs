// The types in the repository are what openapi-typescript makes of openapi.json.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

test("the types of the API are up to date", () => {
  const web = fileURLToPath(new URL("..", import.meta.url));
  const made = spawnSync("npm", ["run", "types", "--", "--check"], { cwd: web, encoding: "utf8" });
  assert.equal(made.status, 0, `run \`npm run types\` in web/\n${made.stdout}${made.stderr}`);
});
