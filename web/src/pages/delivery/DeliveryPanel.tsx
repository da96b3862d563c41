// A delivery beside the log.
import { Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Delivery, OutboundWebhook } from "../../api/client";
import { ErrorState } from "../../components/ErrorState";
import { SidePanel } from "../../components/SidePanel";
import { Badge } from "../../components/StatusBadge";
import { DeliveryState } from "../deliveries/DeliveryState";
import { DeliveryActions } from "./DeliveryActions";
import { Loading } from "./DeliveryPage";
import { DeliveryView, shownAttempt } from "./DeliveryView";
import { deliveryQuery } from "./queries";

interface Props {
  id: string;
  webhooks: ReadonlyMap<string, OutboundWebhook>;
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
    <SidePanel
      label="Delivery"
      title={<span className="mono">{delivery?.event ?? "Delivery"}</span>}
      id={id}
      page={{ to: "/deliveries/$id", params: { id } }}
      onClose={onClose}
      head={
        delivery !== undefined && (
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
        )
      }
    >
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
    </SidePanel>
  );
}
