import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { healthOf } from "./health";

test("health goes by the success rate of a day", () => {
  const check = (hits: number, success_rate: number | null, expected: string) =>
    expect(healthOf({ hits, success_rate } as Schemas["EndpointHealth"])).toBe(expected);
  check(0, null, "no_hits");
  check(5, null, "ok");
  check(5, 1, "ok");
  check(5, 0.99, "ok");
  check(5, 0.98, "degraded");
  check(5, 0.5, "degraded");
  check(5, 0.49, "failing");
  check(5, 0, "failing");
});
