// The addresses of the dashboard. A page's filters are in its address, typed and checked here;
// pages are loaded when they are first shown.
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { ApiProblem } from "./api/client";
import { sessionQuery } from "./api/queries";
import {
  deliveryStatuses,
  directions,
  outcomes,
  periods,
  powerlistTabs,
  ranges,
  triggers,
  verdicts,
  webhookTabs,
} from "./choices";
import { NotFoundPage } from "./components/NotFoundPage";
import { PageError } from "./components/PageError";
import { Frame } from "./frame/Frame";
import { flag, oneOf, parseSearch, stringifySearch, text, texts, time, whole } from "./search";

type Raw = Record<string, unknown>;

export {
  deliveryStatuses,
  outcomes,
  periods,
  powerlistTabs,
  ranges,
  triggers,
  verdicts,
  webhookTabs,
} from "./choices";

/** Any of them may be absent: links name only what they set. */
function optional<Search extends object>(search: Search): Partial<Search> {
  return search;
}

/** What both delivery logs filter by; `selected` is the delivery in the side panel. */
const deliverySearch = (raw: Raw) => ({
  status: oneOf(deliveryStatuses, raw.status),
  event: text(raw.event),
  event_id: text(raw.event_id),
  status_code: text(raw.status_code),
  outcome: oneOf(outcomes, raw.outcome),
  trigger: oneOf(triggers, raw.trigger),
  within: oneOf(periods, raw.within),
  since: time(raw.since),
  until: time(raw.until),
  live: flag(raw.live),
  cursor: text(raw.cursor),
  selected: text(raw.selected),
});

const rangeSearch = (raw: Raw) => ({
  range: oneOf(ranges, raw.range),
  from: time(raw.from),
  to: time(raw.to),
  compare: flag(raw.compare),
});

const rootRoute = createRootRouteWithContext<{ queries: QueryClient }>()({});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (raw: Raw) => optional({ next: text(raw.next) }),
  component: lazyRouteComponent(() => import("./pages/sign-in/SignInPage"), "SignInPage"),
});

/** Everything with the navigation around it. Needs a session. */
const frameRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "frame",
  component: Frame,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queries.ensureQueryData(sessionQuery);
    } catch (error) {
      // Other problems show where they matter: the frame stands without a session's name.
      if (error instanceof ApiProblem && error.status === 401) {
        throw redirect({ to: "/sign-in", search: { next: location.href } });
      }
    }
  },
});

const indexRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/setup/webhooks", replace: true });
  },
});

const webhooksRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/webhooks",
  validateSearch: (raw: Raw) =>
    optional({
      q: text(raw.q),
      status: oneOf(["enabled", "paused", "disabled"], raw.status),
      direction: oneOf(directions, raw.direction),
      sort: oneOf(["number", "title", "hits", "last_hit_at", "created_at"], raw.sort),
      order: oneOf(["ascending", "descending"], raw.order),
      page: whole(raw.page),
    }),
  component: lazyRouteComponent(() => import("./pages/webhooks/WebhooksPage"), "WebhooksPage"),
});

const newWebhookRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/webhooks/new",
  // What the form starts with: links such as "Listen to this event type" fill it.
  validateSearch: (raw: Raw) =>
    optional({
      title: text(raw.title),
      direction: oneOf(directions, raw.direction),
      powerlist_id: text(raw.powerlist_id),
      url: text(raw.url),
      events: texts(raw.events),
      copy_of: text(raw.copy_of),
    }),
  component: lazyRouteComponent(
    () => import("./pages/webhook-form/NewWebhookPage"),
    "NewWebhookPage",
  ),
});

const webhookRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/webhooks/$id",
  validateSearch: (raw: Raw) =>
    optional({
      tab: oneOf(webhookTabs, raw.tab),
      verdict: oneOf(verdicts, raw.verdict),
      request: text(raw.request),
      ...deliverySearch(raw),
      ...rangeSearch(raw),
    }),
  component: lazyRouteComponent(() => import("./pages/webhook/WebhookPage"), "WebhookPage"),
});

const editWebhookRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/webhooks/$id/edit",
  component: lazyRouteComponent(
    () => import("./pages/webhook-form/EditWebhookPage"),
    "EditWebhookPage",
  ),
});

const powerlistsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/powerlists",
  validateSearch: (raw: Raw) =>
    optional({
      q: text(raw.q),
      sort: oneOf(["name", "contacts", "created_at"], raw.sort),
      order: oneOf(["ascending", "descending"], raw.order),
    }),
  component: lazyRouteComponent(
    () => import("./pages/powerlists/PowerlistsPage"),
    "PowerlistsPage",
  ),
});

const powerlistRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/powerlists/$id",
  validateSearch: (raw: Raw) =>
    optional({
      tab: oneOf(powerlistTabs, raw.tab),
      q: text(raw.q),
      tag: text(raw.tag),
      cursor: text(raw.cursor),
      selected: text(raw.selected),
    }),
  component: lazyRouteComponent(() => import("./pages/powerlist/PowerlistPage"), "PowerlistPage"),
});

const importRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/powerlists/$id/import",
  component: lazyRouteComponent(() => import("./pages/import/ImportPage"), "ImportPage"),
});

const importJobRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/powerlists/$id/imports/$job",
  component: lazyRouteComponent(() => import("./pages/import/ImportJobPage"), "ImportJobPage"),
});

const contactRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/contacts/$id",
  component: lazyRouteComponent(() => import("./pages/contact/ContactPage"), "ContactPage"),
});

const eventTypesRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/event-types",
  validateSearch: (raw: Raw) => optional({ q: text(raw.q), group: text(raw.group) }),
  component: lazyRouteComponent(
    () => import("./pages/event-types/EventTypesPage"),
    "EventTypesPage",
  ),
});

const eventTypeRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/event-types/$name",
  component: lazyRouteComponent(() => import("./pages/event-types/EventTypePage"), "EventTypePage"),
});

const apiKeysRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/setup/api-keys",
  validateSearch: (raw: Raw) =>
    optional({ role: oneOf(["platform"], raw.role), cursor: text(raw.cursor) }),
  component: lazyRouteComponent(() => import("./pages/api-keys/ApiKeysPage"), "ApiKeysPage"),
});

const deliveriesRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/deliveries",
  validateSearch: (raw: Raw) =>
    optional({ webhook_id: text(raw.webhook_id), ...deliverySearch(raw) }),
  component: lazyRouteComponent(
    () => import("./pages/deliveries/DeliveriesPage"),
    "DeliveriesPage",
  ),
});

const deliveryRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/deliveries/$id",
  validateSearch: (raw: Raw) => optional({ attempt: whole(raw.attempt) }),
  component: lazyRouteComponent(() => import("./pages/delivery/DeliveryPage"), "DeliveryPage"),
});

const eventRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/events/$id",
  validateSearch: (raw: Raw) => optional({ cursor: text(raw.cursor) }),
  component: lazyRouteComponent(() => import("./pages/event/EventPage"), "EventPage"),
});

const metricsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/metrics",
  validateSearch: (raw: Raw) => optional({ webhook_id: text(raw.webhook_id), ...rangeSearch(raw) }),
  component: lazyRouteComponent(() => import("./pages/metrics/MetricsPage"), "MetricsPage"),
});

const inboxRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/inbox",
  validateSearch: (raw: Raw) => optional({ q: text(raw.q), selected: text(raw.selected) }),
  component: lazyRouteComponent(() => import("./pages/inbox/InboxPage"), "InboxPage"),
});

const settingsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings/SettingsPage"), "SettingsPage"),
});

const usersRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/settings/users",
  validateSearch: (raw: Raw) => optional({ cursor: text(raw.cursor) }),
  component: lazyRouteComponent(() => import("./pages/users/UsersPage"), "UsersPage"),
});

const auditLogRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/settings/audit-log",
  validateSearch: (raw: Raw) =>
    optional({
      actor: text(raw.actor),
      action: text(raw.action),
      target: text(raw.target),
      since: time(raw.since),
      until: time(raw.until),
      cursor: text(raw.cursor),
    }),
  component: lazyRouteComponent(() => import("./pages/audit-log/AuditLogPage"), "AuditLogPage"),
});

const appearanceRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/settings/appearance",
  component: lazyRouteComponent(
    () => import("./pages/appearance/AppearancePage"),
    "AppearancePage",
  ),
});

/** Whatever is at no other address, with the navigation around it. */
const elsewhereRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "$",
  component: NotFoundPage,
});

const routeTree = rootRoute.addChildren([
  signInRoute,
  frameRoute.addChildren([
    indexRoute,
    webhooksRoute,
    newWebhookRoute,
    webhookRoute,
    editWebhookRoute,
    powerlistsRoute,
    powerlistRoute,
    importRoute,
    importJobRoute,
    contactRoute,
    eventTypesRoute,
    eventTypeRoute,
    apiKeysRoute,
    deliveriesRoute,
    deliveryRoute,
    eventRoute,
    metricsRoute,
    inboxRoute,
    settingsRoute,
    usersRoute,
    auditLogRoute,
    appearanceRoute,
    elsewhereRoute,
  ]),
]);

export function createAppRouter(queries: QueryClient) {
  return createRouter({
    routeTree,
    context: { queries },
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    scrollRestoration: true,
    defaultErrorComponent: PageError,
    defaultNotFoundComponent: NotFoundPage,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
