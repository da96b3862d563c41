// Nothing delivered yet: how to get the first one.
import { Button, Stack, Text } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { eventTypesQuery, webhooksQuery } from "../../api/queries";
import { useMay } from "../../api/session";
import { AddButton } from "../../components/buttons";
import { CodeBlock } from "../../components/CodeBlock";
import { EmptyState } from "../../components/EmptyState";
import { quote } from "../delivery/curl";
import classes from "./DeliveryLog.module.css";

export function LogEmpty({ webhookId }: { webhookId?: string }) {
  const may = useMay("write");
  const { data } = useQuery(webhooksQuery);
  const target = webhookId ?? data?.webhooks[0]?.id;
  return (
    <Stack gap={0}>
      <EmptyState
        icon={IconSend}
        title="Nothing delivered yet"
        text={
          target === undefined
            ? "Deliveries appear here as soon as an event goes to a webhook. There is no webhook yet."
            : "Deliveries appear here as soon as an event goes to a webhook. Send one to see it."
        }
      >
        {target !== undefined && may && (
          <Button
            component={Link}
            to="/setup/webhooks/$id"
            params={{ id: target } as never}
            search={{ tab: "test" } as never}
            leftSection={<IconSend size={16} />}
          >
            Send test event
          </Button>
        )}
        {target === undefined && data !== undefined && may && (
          <AddButton to="/setup/webhooks/new">Add webhook</AddButton>
        )}
      </EmptyState>
      <Publish />
    </Stack>
  );
}

/** The call that publishes an event, with a sample of the catalogue. */
function Publish() {
  const { data: types } = useQuery(eventTypesQuery);
  const type = types?.find(({ sample }) => sample != null);
  if (type === undefined) return null;
  const body = JSON.stringify({ event: type.name, data: type.sample });
  const command = [
    `curl ${quote(`${window.location.origin}/v1/events`)}`,
    `-H "authorization: Bearer $POSTHASTE_KEY"`,
    "-H 'content-type: application/json'",
    `--data-raw ${quote(body)}`,
  ].join(" \\\n  ");
  return (
    <div className={classes.publish}>
      <Text c="dimmed" size="sm" mb={6}>
        Or publish one from your own code, with an API key from Setup › API keys:
      </Text>
      <CodeBlock code={command} label="curl command" maxHeight={180} wrap />
    </div>
  );
}
