import { expect, test } from "vitest";
import type { Delivery } from "../../api/client";
import { whereItWent } from "./where";

test.each<[Delivery["status"][], string]>([
  [["delivered"], "Delivered to its one webhook."],
  [["delivered", "delivered"], "Delivered to all 2 webhooks."],
  [["failed"], "Delivered to 0 of 1 webhook, 1 failed."],
  [
    ["delivered", "retrying", "pending", "failed", "cancelled"],
    "Delivered to 1 of 5 webhooks, 2 still trying, 1 failed, 1 cancelled.",
  ],
])("%j: %s", (statuses, sentence) => {
  expect(whereItWent(statuses.map((status) => ({ status })))).toBe(sentence);
});
