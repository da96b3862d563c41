// The words that addresses may hold where one of a few is chosen.
export const deliveryStatuses = [
  "pending",
  "delivering",
  "retrying",
  "delivered",
  "failed",
  "cancelled",
] as const;
export const outcomes = [
  "succeeded",
  "rejected",
  "timed_out",
  "unreachable",
  "blocked",
  "deferred",
] as const;
export const triggers = ["event", "retry", "manual", "recover", "test"] as const;
export const ranges = ["1h", "24h", "7d", "30d", "custom"] as const;
/** Times up to now that a delivery log may be narrowed to. */
export const periods = ["15m", "1h", "24h", "7d", "30d"] as const;
/** `requests` and `mapping` are of webhooks that receive, `deliveries` and `metrics` of the others. */
export const webhookTabs = [
  "deliveries",
  "metrics",
  "requests",
  "mapping",
  "test",
  "code",
  "settings",
  "activity",
] as const;
export const directions = ["outbound", "inbound"] as const;
/** What became of a request to an inbound webhook. */
export const verdicts = [
  "created",
  "updated",
  "deleted",
  "none",
  "invalid",
  "unverified",
  "loop",
  "key_reused",
] as const;
export const powerlistTabs = ["contacts", "imports", "settings"] as const;
