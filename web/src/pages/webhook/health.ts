// How well an endpoint does, in a word.
import type { Schemas } from "../../api/client";
import type { WebhookHealth } from "../../components/StatusBadge";

const OK_FROM = 0.99;
const DEGRADED_FROM = 0.5;

/** By the share of attempts that were answered well in the last 24 hours. */
export function healthOf(health: Schemas["EndpointHealth"]): WebhookHealth {
  const { success_rate: rate, hits } = health;
  if (rate === null) return hits === 0 ? "no_hits" : "ok";
  if (rate >= OK_FROM) return "ok";
  return rate >= DEGRADED_FROM ? "degraded" : "failing";
}
