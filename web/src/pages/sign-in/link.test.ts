import { expect, test } from "vitest";
import { linkToken } from "./link";

test("a link's token is found in the fragment", () => {
  expect(linkToken("link=JgYr4R2EG6TE-_")).toBe("JgYr4R2EG6TE-_");
  for (const none of ["", "link=", "link", "main"]) expect(linkToken(none)).toBeNull();
});
