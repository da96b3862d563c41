// A webhook that receives: its URLs and what may be posted there, what came, and how what came is
// read.
import { Alert, Button, Tabs, Text } from "@mantine/core";
import {
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPower,
  IconSend,
} from "@tabler/icons-react";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type InboundWebhook, sentence } from "../../api/client";
import { useMay } from "../../api/session";
import { BackButton } from "../../components/buttons";
import { Page } from "../../components/Page";
import { StatusBadge } from "../../components/StatusBadge";
import { useShortcuts } from "../../frame/shortcuts";
import { Activity } from "../webhook/Activity";
import { NewSecret } from "../webhook/NewSecret";
import { SettingsTab } from "../webhook/SettingsTab";
import classes from "../webhook/WebhookPage.module.css";
import { useSetSending } from "../webhooks/useSetSending";
import { Connect } from "./Connect";
import { InboundFacts } from "./InboundFacts";
import { InboundHealth } from "./InboundHealth";
import { MappingTab } from "./MappingTab";
import { Requests } from "./Requests";
import { SampleSender } from "./SampleSender";

const route = getRouteApi("/frame/setup/webhooks/$id");

const tabs = {
  requests: "Requests",
  mapping: "Mapping",
  test: "Test",
  code: "Connect",
  settings: "Settings",
  activity: "Activity",
} as const;

type Tab = keyof typeof tabs;

export function InboundDetail({ webhook }: { webhook: InboundWebhook }) {
  const { id, title, status } = webhook;
  const { tab: asked, request } = route.useSearch();
  const tab = asked !== undefined && asked in tabs ? (asked as Tab) : "requests";
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const sending = useSetSending(webhook);

  /** Filters belong to the tab they were set in; a request can be taken along to the mapping. */
  const open = (to: Tab, taken?: string) =>
    void navigate({
      to: "/setup/webhooks/$id",
      params: { id },
      search: { tab: to === "requests" ? undefined : to, request: taken },
      resetScroll: false,
    });
  const edit = () => void navigate({ to: "/setup/webhooks/$id/edit", params: { id } });
  useShortcuts([
    { keys: "t", label: "Send a sample", group: "This page", run: () => open("test") },
    { keys: "m", label: "Open the mapping", group: "This page", run: () => open("mapping") },
    ...(mayWrite
      ? [{ keys: "e", label: "Edit the webhook", group: "This page" as const, run: edit }]
      : []),
  ]);

  return (
    <Page
      title={title}
      crumbs={[{ label: "Setup" }, { label: "Webhooks", to: "/setup/webhooks" }]}
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
              Send a sample
            </Button>
          </>
        )
      }
    >
      <NewSecret webhookId={id} />
      {status === "disabled" && (
        <Alert color="red" variant="light" icon={<IconPower />} title="This webhook is disabled">
          {webhook.disabled_reason && <Text size="sm">{sentence(webhook.disabled_reason)}</Text>}
          <Text size="sm">Its URLs turn requests away. Enable it again when it is put right.</Text>
        </Alert>
      )}
      {status === "paused" && (
        <Alert
          color="gray"
          variant="light"
          icon={<IconPlayerPause />}
          title="This webhook is paused"
        >
          <Text size="sm">
            Its URLs answer 503 and ask to come again later. Nothing is taken until it is resumed.
          </Text>
        </Alert>
      )}
      <div className={classes.cards}>
        <InboundFacts webhook={webhook} />
        <InboundHealth webhook={webhook} onMapping={(taken) => open("mapping", taken)} />
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
        <Tabs.Panel value="requests" pt="md">
          <Requests webhook={webhook} onMapping={(taken) => open("mapping", taken)} />
        </Tabs.Panel>
        <Tabs.Panel value="mapping" pt="md">
          <MappingTab
            key={request ?? "last"}
            webhook={webhook}
            requestId={request}
            onRequest={(taken) => open("mapping", taken)}
          />
        </Tabs.Panel>
        <Tabs.Panel value="test" pt="md">
          <SampleSender webhook={webhook} />
        </Tabs.Panel>
        <Tabs.Panel value="code" pt="md">
          <Connect webhook={webhook} />
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
