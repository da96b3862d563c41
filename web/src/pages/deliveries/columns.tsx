// The columns of a list of deliveries.
import { Anchor, Group, Text, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";
import type { Delivery, OutboundWebhook } from "../../api/client";
import type { Column } from "../../components/DataTable";
import { Badge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { causeOf } from "../delivery/cause";
import { formatTook } from "../delivery/lifecycle";
import { AttemptDots, DeliveryState } from "./DeliveryState";

interface Settings {
  webhooks: ReadonlyMap<string, OutboundWebhook>;
  /** The column whose text leads to the delivery. */
  titled?: "event" | "webhook";
  /** Opens the delivery in place; without, its link leads to its page. */
  onOpen?: (delivery: Delivery) => void;
  /** Marks the row, for rows that have just come. */
  mark?: (delivery: Delivery) => string | undefined;
}

export type ColumnKey =
  | "status"
  | "event"
  | "webhook"
  | "response"
  | "duration"
  | "attempts"
  | "time";

export function deliveryColumns(
  keys: readonly ColumnKey[],
  { webhooks, titled = "event", onOpen, mark }: Settings,
): Column<Delivery>[] {
  const all: Record<ColumnKey, Omit<Column<Delivery>, "key">> = {
    status: {
      header: "Status",
      card: "badge",
      cell: (delivery) => (
        <span className={mark?.(delivery)}>
          <DeliveryState delivery={delivery} webhook={webhooks.get(delivery.webhook_id)} />
        </span>
      ),
    },
    event: {
      header: "Event type",
      card: titled === "event" ? "title" : undefined,
      cell: (delivery) => (
        <Group gap={6} wrap="nowrap">
          {titled === "event" ? (
            <Title delivery={delivery} onOpen={onOpen}>
              <span className="mono">{delivery.event}</span>
            </Title>
          ) : (
            <span className="mono">{delivery.event}</span>
          )}
          {delivery.trigger === "test" && <Badge tone="accent">TEST</Badge>}
        </Group>
      ),
    },
    webhook: {
      header: "Webhook",
      card: titled === "webhook" ? "title" : undefined,
      cell: (delivery) => {
        const name = webhooks.get(delivery.webhook_id)?.title ?? delivery.webhook_id;
        return (
          <Text inherit truncate maw={170} title={name}>
            {titled === "webhook" ? <Title delivery={delivery}>{name}</Title> : name}
          </Text>
        );
      },
    },
    response: { header: "Response", cell: (delivery) => <Response delivery={delivery} /> },
    duration: {
      header: "Duration",
      align: "right",
      cell: ({ last_attempt: last }) => (last === null ? "—" : formatTook(last.duration_ms)),
    },
    attempts: {
      header: "Attempts",
      cell: (delivery) => (
        <AttemptDots delivery={delivery} webhook={webhooks.get(delivery.webhook_id)} />
      ),
    },
    time: {
      header: "Time",
      align: "right",
      cell: (delivery) => <TimeText at={delivery.created_at} />,
    },
  };
  return keys.map((key) => ({ key, ...all[key] }));
}

function Title(props: {
  delivery: Delivery;
  onOpen?: (delivery: Delivery) => void;
  children: ReactNode;
}) {
  const { delivery, onOpen, children } = props;
  return (
    <Anchor
      component={Link}
      to="/deliveries/$id"
      params={{ id: delivery.id } as never}
      inherit
      c="inherit"
      onClick={(event: MouseEvent) => {
        if (onOpen === undefined || !isPlain(event)) return;
        event.preventDefault();
        onOpen(delivery);
      }}
    >
      {children}
    </Anchor>
  );
}

function isPlain(event: MouseEvent): boolean {
  return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
}

/** The HTTP code, or in two words why there is none. */
function Response({ delivery: { last_attempt: last } }: { delivery: Delivery }) {
  if (last === null) return "—";
  const { short, what } = causeOf(last);
  const good = last.outcome === "succeeded";
  return (
    <Tooltip label={good ? what : (last.error ?? what)} multiline maw={360}>
      <Text
        component="span"
        inherit
        className={last.status_code === null ? undefined : "mono"}
        fw={550}
        c={good ? "var(--ph-ok)" : last.outcome === "deferred" ? "var(--ph-warn)" : "var(--ph-bad)"}
        style={{ whiteSpace: "nowrap" }}
      >
        {short}
      </Text>
    </Tooltip>
  );
}

export function deliveryName(delivery: Delivery): string {
  return `${delivery.event}, ${delivery.id}`;
}
