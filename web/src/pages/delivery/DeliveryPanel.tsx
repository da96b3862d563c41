// A delivery beside the log. Not a dialog: the list stays in reach, for j and k too.
import { ActionIcon, Group, Stack, Text, Title, Tooltip } from "@mantine/core";
import { IconArrowsMaximize, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Delivery, Webhook } from "../../api/client";
import { ErrorState } from "../../components/ErrorState";
import { IdCopy } from "../../components/IdCopy";
import { Scroll } from "../../components/Scroll";
import { Badge } from "../../components/StatusBadge";
import { DeliveryState } from "../deliveries/DeliveryState";
import { DeliveryActions } from "./DeliveryActions";
import { Loading } from "./DeliveryPage";
import classes from "./DeliveryPanel.module.css";
import { DeliveryView, shownAttempt } from "./DeliveryView";
import { deliveryQuery } from "./queries";

interface Props {
  id: string;
  webhooks: ReadonlyMap<string, Webhook>;
  onClose: () => void;
  onRetry: (delivery: Delivery) => void;
  retrying: boolean;
}

/** With the id as its key, so that each delivery starts with its newest attempt. */
export function DeliveryPanel({ id, webhooks, onClose, onRetry, retrying }: Props) {
  const { data: delivery, error, refetch } = useQuery(deliveryQuery(id));
  const [number, setNumber] = useState<number>();
  const webhook = delivery && webhooks.get(delivery.webhook_id);
  return (
    <aside className={classes.panel} aria-label="Delivery">
      <div className={classes.head}>
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <div className={classes.title}>
            <Title order={2} className="mono" style={{ overflowWrap: "anywhere" }}>
              {delivery?.event ?? "Delivery"}
            </Title>
            <IdCopy id={id} what="delivery id" />
          </div>
          <Group gap={4} wrap="nowrap">
            <Tooltip label="Open as a page">
              <ActionIcon
                component={Link}
                to="/deliveries/$id"
                params={{ id } as never}
                variant="subtle"
                color="gray"
                aria-label="Open as a page"
              >
                <IconArrowsMaximize size={16} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label="Close (Esc)">
              <ActionIcon variant="subtle" color="gray" aria-label="Close" onClick={onClose}>
                <IconX size={16} />
              </ActionIcon>
            </Tooltip>
          </Group>
        </Group>
        {delivery !== undefined && (
          <Stack gap="sm" mt="xs">
            <Group gap="xs">
              <DeliveryState delivery={delivery} webhook={webhook} />
              {delivery.trigger === "test" && <Badge tone="accent">TEST</Badge>}
              {webhook !== undefined && (
                <Text c="dimmed" size="sm" lineClamp={1}>
                  to {webhook.title}
                </Text>
              )}
            </Group>
            <DeliveryActions
              delivery={delivery}
              attempt={shownAttempt(delivery, number)}
              webhook={webhook}
              onRetry={() => onRetry(delivery)}
              busy={retrying}
              size="xs"
            />
          </Stack>
        )}
      </div>
      <Scroll label="The delivery in detail" className={classes.content}>
        {delivery !== undefined ? (
          <DeliveryView
            delivery={delivery}
            webhook={webhook}
            attempt={number}
            onAttempt={setNumber}
            narrow
          />
        ) : error === null ? (
          <Loading />
        ) : (
          <ErrorState
            error={error}
            title="The delivery could not be loaded"
            onRetry={() => void refetch()}
          />
        )}
      </Scroll>
    </aside>
  );
}
