// A delivery with all its attempts: the same on its page and in the panel beside the log.
import { Anchor, Card, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { DeliveryDetail, OutboundWebhook } from "../../api/client";
import { IdCopy } from "../../components/IdCopy";
import { TimeText } from "../../components/TimeText";
import { AttemptView } from "./AttemptView";
import classes from "./DeliveryView.module.css";
import { Timeline } from "./Timeline";

interface Props {
  delivery: DeliveryDetail;
  webhook: OutboundWebhook | undefined;
  /** The number of the attempt that is shown; the newest without. */
  attempt: number | undefined;
  onAttempt: (number: number) => void;
  /** One under the other, for the panel. */
  narrow?: boolean;
}

export function DeliveryView({ delivery, webhook, attempt: number, onAttempt, narrow }: Props) {
  const attempt = shownAttempt(delivery, number);
  return (
    <div className={classes.view} data-narrow={narrow || undefined}>
      <Card component="section" aria-label="Timeline" className={classes.timeline}>
        <Title order={2} mb="sm">
          Timeline
        </Title>
        <Timeline
          delivery={delivery}
          webhook={webhook}
          chosen={attempt?.number}
          onChoose={onAttempt}
        />
      </Card>
      <Card component="section" aria-label="Facts" className={classes.about}>
        <Facts delivery={delivery} webhook={webhook} />
      </Card>
      <div className={classes.attempt}>
        {attempt === undefined ? (
          <Card>
            <Text c="dimmed">Nothing has been sent yet.</Text>
          </Card>
        ) : (
          <AttemptView
            key={`${delivery.id}-${attempt.number}`}
            delivery={delivery}
            attempt={attempt}
          />
        )}
      </div>
    </div>
  );
}

/** The chosen attempt, else the newest. */
export function shownAttempt({ attempts }: DeliveryDetail, number: number | undefined) {
  return attempts.find((attempt) => attempt.number === number) ?? attempts.at(-1);
}

const origins: Record<DeliveryDetail["trigger"], string> = {
  event: "An event that was published",
  test: "A test event",
  recover: "A recovery",
  manual: "A retry by hand",
  retry: "The retry schedule",
};

function Facts({
  delivery,
  webhook,
}: {
  delivery: DeliveryDetail;
  webhook: OutboundWebhook | undefined;
}) {
  const facts: [string, ReactNode][] = [
    [
      "Webhook",
      <Anchor
        key="webhook"
        component={Link}
        to="/setup/webhooks/$id"
        params={{ id: delivery.webhook_id } as never}
        inherit
      >
        {webhook?.title ?? delivery.webhook_id}
      </Anchor>,
    ],
    [
      "URL",
      <span key="url" className="mono">
        {webhook?.url ?? "—"}
      </span>,
    ],
    [
      "Event",
      <Anchor
        key="event"
        component={Link}
        to="/events/$id"
        params={{ id: delivery.event_id } as never}
        inherit
        className="mono"
      >
        {delivery.event_id}
      </Anchor>,
    ],
    ["Delivery", <IdCopy key="id" id={delivery.id} what="delivery id" />],
    ["Origin", origins[delivery.trigger]],
    ["Accepted", <TimeText key="accepted" at={delivery.created_at} as="seconds" />],
    ["Ended", <TimeText key="ended" at={delivery.ended_at} as="seconds" never="Not yet" />],
  ];
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
