import type { EventType } from "../../api/client";

type Counts = Pick<EventType, "checked_events" | "invalid_events">;

/** "3 of 120 events did not match the schema." */
export function checkedText({ checked_events: checked, invalid_events: invalid }: Counts): string {
  const events = checked === 1 ? "event" : "events";
  if (checked === 0) return "No event was compared with the schema.";
  if (invalid === 0) {
    return checked === 1
      ? "1 event matched the schema."
      : `All ${checked} events matched the schema.`;
  }
  if (invalid === checked) {
    return checked === 1
      ? "1 event did not match the schema."
      : `None of ${checked} events matched the schema.`;
  }
  return `${invalid} of ${checked} ${events} did not match the schema.`;
}
