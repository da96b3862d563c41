import { expect, test } from "vitest";
import { ownPath } from "./next";

test("pages of the dashboard are gone to, with what they filter by", () => {
  const path = "/deliveries?status=failed&event=call.ended#row";
  expect(ownPath(path)).toBe(path);
  expect(ownPath("/setup/webhooks/wh_1?tab=metrics")).toBe("/setup/webhooks/wh_1?tab=metrics");
  expect(ownPath("/a?next=https://evil.example")).toBe("/a?next=https://evil.example");
});

test("nothing else is", () => {
  const elsewhere = [
    undefined,
    "",
    "deliveries",
    "https://evil.example/",
    "HTTPS:evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "/.//evil.example",
    "/x/..//evil.example",
    "/%2e//evil.example",
    "//evil.example:80:80",
    "//user@evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
  ];
  for (const next of elsewhere) expect(ownPath(next), next).toBe("/setup/webhooks");
});

test("signing in does not lead to signing in", () => {
  expect(ownPath("/sign-in?next=/deliveries")).toBe("/setup/webhooks");
  expect(ownPath("/")).toBe("/setup/webhooks");
});
