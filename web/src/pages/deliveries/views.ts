// Views of the delivery log that somebody keeps under a name, in this browser.

import { deliveryStatuses, outcomes, periods, triggers } from "../../choices";
import { oneOf, text, time } from "../../search";
import { readSetting, writeSetting } from "../../settings";
import { type Filters, filtersOf } from "./filters";

export interface View {
  name: string;
  filters: Filters;
}

export const builtIn: View[] = [
  { name: "Failed in the last 24 hours", filters: { status: "failed", within: "24h" } },
  { name: "Waiting for a retry", filters: { status: "retrying" } },
  { name: "Server errors in the last 24 hours", filters: { status_code: "5xx", within: "24h" } },
  { name: "Timed out", filters: { outcome: "timed_out" } },
  { name: "Tests", filters: { trigger: "test" } },
];

const SETTING = "deliveries.views";
const VIEWS_MAX = 30;

export function readViews(): View[] {
  return parseViews(readSetting(SETTING));
}

export function writeViews(views: View[]) {
  writeSetting(SETTING, views.length === 0 ? null : JSON.stringify(views));
}

/** Under a name that is taken, the view is replaced. */
export function keepView(views: View[], view: View): View[] {
  return [...views.filter(({ name }) => name !== view.name), view].slice(-VIEWS_MAX);
}

/** Reads what was kept, by this version or another: what does not fit is left out. */
export function parseViews(kept: string | null): View[] {
  let all: unknown;
  try {
    all = JSON.parse(kept ?? "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(all)) return [];
  return all.flatMap((item) => {
    const name = text(item?.name);
    return name === undefined ? [] : [{ name, filters: parseFilters(item.filters ?? {}) }];
  });
}

function parseFilters(raw: Record<string, unknown>): Filters {
  return filtersOf({
    webhook_id: text(raw.webhook_id),
    event: text(raw.event),
    event_id: text(raw.event_id),
    status: oneOf(deliveryStatuses, raw.status),
    status_code: text(raw.status_code),
    outcome: oneOf(outcomes, raw.outcome),
    trigger: oneOf(triggers, raw.trigger),
    within: oneOf(periods, raw.within),
    since: time(raw.since),
    until: time(raw.until),
  });
}
