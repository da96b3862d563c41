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
export function filledPages({ webhooks, deliveries, event, contacts }) {
  const good = `/setup/webhooks/${webhooks.good.id}`;
  const receiving = `/setup/webhooks/${webhooks.receiving.id}`;
  const { list, empty, contact, job, request } = contacts;
  return [
    ...places,
    "/inbox",
    "/setup/webhooks/new?direction=inbound",
    receiving,
    `${receiving}?selected=${request.id}`,
    `${receiving}?verdict=loop`,
    `${receiving}?tab=mapping`,
    `${receiving}?tab=mapping&request=${request.id}`,
    `${receiving}?tab=test`,
    `${receiving}?tab=code`,
    `${receiving}?tab=settings`,
    `${receiving}?tab=activity`,
    `${receiving}/edit`,
    `/setup/webhooks/${webhooks.silent.id}?tab=mapping`,
    "/setup/powerlists?q=nothing",
    `/setup/powerlists/${list.id}`,
    `/setup/powerlists/${list.id}?selected=${contact.id}`,
    `/setup/powerlists/${list.id}?q=nobody`,
    `/setup/powerlists/${list.id}?tab=imports`,
    `/setup/powerlists/${list.id}?tab=settings`,
    `/setup/powerlists/${list.id}/import`,
    `/setup/powerlists/${list.id}/imports/${job.id}`,
    `/setup/powerlists/${empty.id}`,
    `/setup/powerlists/${empty.id}?tab=imports`,
    `/contacts/${contact.id}`,
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
