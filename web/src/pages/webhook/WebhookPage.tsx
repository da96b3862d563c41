// Setup > Webhooks > a webhook: View Endpoints. What it is, how its endpoints do, and all that
// concerns it in tabs.
import { Alert, Button, Card, Skeleton, Tabs, Text } from "@mantine/core";
import {
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPower,
  IconSend,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { ApiProblem, type OutboundWebhook, sentence } from "../../api/client";
import { isOutbound, webhookQuery } from "../../api/queries";
import { useMay } from "../../api/session";
import { BackButton } from "../../components/buttons";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { Page } from "../../components/Page";
import { StatusBadge } from "../../components/StatusBadge";
import { useShortcuts } from "../../frame/shortcuts";
import { CodeSnippets } from "../code/CodeSnippets";
import { DeliveryLog } from "../deliveries/DeliveryLog";
import { InboundDetail } from "../inbound/InboundDetail";
import { MetricsBoard } from "../metrics/MetricsBoard";
import { TestSender } from "../test/TestSender";
import { useSetSending } from "../webhooks/useSetSending";
import { Activity } from "./Activity";
import { EndpointHealth } from "./EndpointHealth";
import { Facts } from "./Facts";
import { NewSecret } from "./NewSecret";
import { SettingsTab } from "./SettingsTab";
import classes from "./WebhookPage.module.css";

const route = getRouteApi("/frame/setup/webhooks/$id");

/** Hits and numbers rise while one looks. */
export const REFRESH_MS = 5_000;

const tabs = {
  deliveries: "Deliveries",
  metrics: "Metrics",
  test: "Test",
  code: "Code",
  settings: "Settings",
  activity: "Activity",
} as const;

type Tab = keyof typeof tabs;

const crumbs = [{ label: "Setup" }, { label: "Webhooks", to: "/setup/webhooks" }] as const;

export function WebhookPage() {
  const { id } = route.useParams();
  const {
    data: webhook,
    error,
    refetch,
  } = useQuery({
    ...webhookQuery(id),
    refetchInterval: REFRESH_MS,
  });
  if (webhook !== undefined) {
    return isOutbound(webhook) ? (
      <Detail key={id} webhook={webhook} />
    ) : (
      <InboundDetail key={id} webhook={webhook} />
    );
  }
  const gone = error instanceof ApiProblem && error.status === 404;
  return (
    <Page title="Webhook" crumbs={[...crumbs]} back={<BackButton to="/setup/webhooks" />}>
      {error === null ? (
        <Loading />
      ) : (
        <Card>
          {gone ? (
            <EmptyState
              title="There is no such webhook"
              text="It was deleted, or it belongs to another account."
            />
          ) : (
            <ErrorState
              error={error}
              title="The webhook could not be loaded"
              onRetry={() => void refetch()}
            />
          )}
        </Card>
      )}
    </Page>
  );
}

function Loading() {
  return (
    <>
      <span className="visually-hidden" role="status">
        Loading the webhook
      </span>
      <div className={classes.cards}>
        <Skeleton height={320} radius="md" />
        <Skeleton height={320} radius="md" />
      </div>
      <Skeleton height={300} radius="md" />
    </>
  );
}

function Detail({ webhook }: { webhook: OutboundWebhook }) {
  const { id, title, status } = webhook;
  const { tab: asked } = route.useSearch();
  const tab = asked !== undefined && asked in tabs ? (asked as Tab) : "deliveries";
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const sending = useSetSending(webhook);

  // Filters belong to the tab they were set in.
  const open = (to: Tab) =>
    void navigate({
      to: "/setup/webhooks/$id",
      params: { id },
      search: { tab: to === "deliveries" ? undefined : to },
      resetScroll: false,
    });
  const edit = () => void navigate({ to: "/setup/webhooks/$id/edit", params: { id } });
  useShortcuts([
    { keys: "t", label: "Send a test event", group: "This page", run: () => open("test") },
    ...(mayWrite
      ? [{ keys: "e", label: "Edit the webhook", group: "This page" as const, run: edit }]
      : []),
  ]);

  return (
    <Page
      title={title}
      crumbs={[...crumbs]}
      back={<BackButton to="/setup/webhooks" />}
      badge={<StatusBadge status={status} />}
      lead={webhook.description || undefined}
      actions={
        mayWrite && (
          <>
            <Button
              variant="default"
              leftSection={
                status === "enabled" ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />
              }
              loading={sending.isPending}
              onClick={() => sending.mutate(status === "enabled" ? "pause" : "resume")}
            >
              {status === "enabled" ? "Pause" : status === "paused" ? "Resume" : "Enable again"}
            </Button>
            <Button
              variant="default"
              leftSection={<IconPencil size={16} />}
              component={Link}
              to="/setup/webhooks/$id/edit"
              params={{ id } as never}
            >
              Edit
            </Button>
            <Button leftSection={<IconSend size={16} />} onClick={() => open("test")}>
              Send test event
            </Button>
          </>
        )
      }
    >
      <NewSecret webhookId={id} />
      {status === "disabled" && (
        <Alert color="red" variant="light" icon={<IconPower />} title="This webhook is disabled">
          {webhook.disabled_reason && <Text size="sm">{sentence(webhook.disabled_reason)}</Text>}
          <Text size="sm">
            It gets no events, and what was waiting has failed. Put its receiver right, then enable
            it again.
          </Text>
        </Alert>
      )}
      {status === "paused" && (
        <Alert
          color="gray"
          variant="light"
          icon={<IconPlayerPause />}
          title="This webhook is paused"
        >
          <Text size="sm">It goes on getting events; they wait until it is resumed.</Text>
        </Alert>
      )}
      <div className={classes.cards}>
        <Facts webhook={webhook} />
        <EndpointHealth webhook={webhook} />
      </div>
      <Tabs
        value={tab}
        onChange={(to) => to !== null && open(to as Tab)}
        keepMounted={false}
        activateTabWithKeyboard={false}
      >
        <Tabs.List className={classes.tabs}>
          {Object.entries(tabs).map(([each, name]) => (
            <Tabs.Tab key={each} value={each}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="deliveries" pt="md">
          <DeliveryLog webhookId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="metrics" pt="md">
          <MetricsBoard webhookId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="test" pt="md">
          <TestSender webhookId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="code" pt="md">
          <CodeSnippets webhookId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="settings" pt="md">
          <SettingsTab webhook={webhook} />
        </Tabs.Panel>
        <Tabs.Panel value="activity" pt="md">
          <Activity webhookId={id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
