// Every page that there is, for what has to hold on all of them.

/** On any server. */
const places = [
  "/setup/webhooks",
  "/setup/webhooks/new",
  "/setup/powerlists",
  "/setup/event-types",
  "/setup/event-types/call.ended",
  "/setup/api-keys",
  "/deliveries",
  "/metrics",
  "/settings",
  "/settings/users",
  "/settings/audit-log",
  "/settings/appearance",
  "/nowhere",
];

/** On a server with nothing in it. */
export const emptyPages = [
  ...places,
  "/deliveries?status=failed",
  "/setup/webhooks?q=nothing",
  "/setup/api-keys?role=platform",
];

/** On a server that `fill` has filled. */
export function filledPages({ webhooks, deliveries, event }) {
  const good = `/setup/webhooks/${webhooks.good.id}`;
  return [
    ...places,
    "/inbox",
    "/setup/event-types/deal.won",
    "/setup/api-keys?role=platform",
    good,
    `${good}?tab=metrics`,
    `${good}?tab=test`,
    `${good}?tab=code`,
    `${good}?tab=settings`,
    `${good}?tab=activity`,
    `${good}/edit`,
    `/setup/webhooks/${webhooks.failing.id}`,
    `/setup/webhooks/${webhooks.paused.id}`,
    `/setup/webhooks/${webhooks.unused.id}`,
    `/deliveries?selected=${deliveries.delivered.id}`,
    `/deliveries?status=failed&event=call.ended`,
    `/deliveries/${deliveries.delivered.id}`,
    `/deliveries/${deliveries.retrying.id}`,
    `/events/${event.id}`,
  ];
}
