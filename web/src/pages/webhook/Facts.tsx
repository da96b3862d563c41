// What a webhook is set to, each part with a button that copies it.
import { Card, Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { OutboundWebhook } from "../../api/client";
import { CopyButton } from "../../components/CopyButton";
import { EventChip } from "../../components/EventChip";
import { IdCopy } from "../../components/IdCopy";
import { TimeText } from "../../components/TimeText";
import { scheduleSentence } from "../webhook-form/schedule";
import { PowerlistLink } from "./PowerlistLink";
import { SigningSecret } from "./SigningSecret";
import classes from "./WebhookPage.module.css";

export function Facts({ webhook }: { webhook: OutboundWebhook }) {
  const { id, number, title, url, events, powerlist_id, retry_delays_s } = webhook;
  return (
    <Card component="section" aria-labelledby="facts">
      <Title order={2} id="facts" mb="xs">
        Endpoint
      </Title>
      <dl className={classes.facts}>
        <Fact name="URL">
          <span className={`mono ${classes.value}`}>{url}</span>
          <CopyButton text={url} what="URL" />
        </Fact>
        <Fact name="Method">
          <span className={classes.method}>POST</span>
          <CopyButton text="POST" what="method" />
          <Text span size="sm" c="dimmed">
            application/json
          </Text>
        </Fact>
        <Fact name="Title">
          <span className={classes.value}>{title}</span>
          <CopyButton text={title} what="title" />
        </Fact>
        <Fact name="Powerlist">
          {powerlist_id === null ? (
            <Text span c="dimmed">
              Events of every list
            </Text>
          ) : (
            <PowerlistLink id={powerlist_id} />
          )}
        </Fact>
        <Fact name="Events">
          {events.map((pattern) => (
            <EventChip key={pattern} pattern={pattern} />
          ))}
          <CopyButton text={events.join(", ")} what="events" />
        </Fact>
        <Fact name="Webhook id">
          <IdCopy id={id} what="webhook id" />
          <Text span size="sm" c="dimmed">
            #{number}
          </Text>
        </Fact>
        <Fact name="Signing secret">
          <SigningSecret webhook={webhook} />
        </Fact>
        <Fact name="Retries">
          <Text span size="sm" py={6}>
            {scheduleSentence(retry_delays_s)}
          </Text>
        </Fact>
        <Fact name="Created at">
          <Group gap="xs">
            <TimeText at={webhook.created_at} as="minutes" />
          </Group>
        </Fact>
      </dl>
    </Card>
  );
}

/** A row of a list of facts. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
