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
export const webhookTabs = [
  "deliveries",
  "metrics",
  "test",
  "code",
  "settings",
  "activity",
] as const;
