// Where an event went, in one sentence.
import type { Delivery } from "../../api/client";

/** "Delivered to 2 of 3 webhooks; 1 still trying." */
export function whereItWent(deliveries: Pick<Delivery, "status">[]): string {
  const count = (...statuses: Delivery["status"][]) =>
    deliveries.filter(({ status }) => statuses.includes(status)).length;
  const total = deliveries.length;
  const delivered = count("delivered");
  const parts: string[] = [];
  if (delivered === total) {
    parts.push(total === 1 ? "Delivered to its one webhook" : `Delivered to all ${total} webhooks`);
  } else {
    parts.push(`Delivered to ${delivered} of ${total} ${total === 1 ? "webhook" : "webhooks"}`);
  }
  const trying = count("pending", "delivering", "retrying");
  const failed = count("failed");
  const cancelled = count("cancelled");
  if (trying > 0) parts.push(`${trying} still trying`);
  if (failed > 0) parts.push(`${failed} failed`);
  if (cancelled > 0) parts.push(`${cancelled} cancelled`);
  return `${parts.join(", ")}.`;
}
