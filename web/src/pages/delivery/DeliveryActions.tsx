// What can be done with a delivery: try it again, cancel it, take its request along.
import { Button, CopyButton as Copying, Group, Tooltip } from "@mantine/core";
import { IconBan, IconCheck, IconRefresh, IconTerminal2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Attempt, Delivery, DeliveryDetail, OutboundWebhook } from "../../api/client";
import { useMay } from "../../api/session";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { isSignature, requestBody } from "./body";
import { toCurl } from "./curl";
import { eventQuery, useCancel, useRetry } from "./queries";

/**
 * Retries, after asking when the receiver has the event already. `dialog` has to be drawn.
 */
export function useRetryAsking() {
  const retry = useRetry();
  const may = useMay("write");
  const [asked, setAsked] = useState<Delivery | null>(null);
  function ask(delivery: Delivery) {
    if (!may) return;
    if (delivery.status === "delivered") setAsked(delivery);
    else retry.mutate(delivery.id);
  }
  const dialog = (
    <ConfirmDialog
      opened={asked !== null}
      onClose={() => setAsked(null)}
      title="Send it again?"
      confirmLabel="Send again"
      onConfirm={() => {
        if (asked !== null) retry.mutate(asked.id);
        setAsked(null);
      }}
    >
      The receiver has accepted this event already and will get it once more, with the same
      webhook-id header.
    </ConfirmDialog>
  );
  return { ask, dialog, may, busy: retry.isPending };
}

interface Props {
  delivery: DeliveryDetail;
  attempt: Attempt | undefined;
  webhook: OutboundWebhook | undefined;
  onRetry: () => void;
  busy: boolean;
  size?: "xs" | "sm";
}

export function DeliveryActions({ delivery, attempt, webhook, onRetry, busy, size }: Props) {
  const may = useMay("write");
  const cancel = useCancel();
  const [asking, setAsking] = useState(false);
  const open = delivery.next_attempt_at !== null;
  return (
    <Group gap="xs">
      {may && (
        <Button
          size={size}
          leftSection={<IconRefresh size={16} />}
          onClick={onRetry}
          loading={busy}
        >
          Retry now
        </Button>
      )}
      {may && open && (
        <Button
          size={size}
          variant="default"
          leftSection={<IconBan size={16} />}
          onClick={() => setAsking(true)}
        >
          Cancel
        </Button>
      )}
      <CopyCurl delivery={delivery} attempt={attempt} webhook={webhook} size={size} />
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title="Cancel this delivery?"
        confirmLabel="Cancel the delivery"
        danger
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate(delivery.id, { onSettled: () => setAsking(false) })}
      >
        It is not tried again by itself. You can still retry it by hand.
      </ConfirmDialog>
    </Group>
  );
}

function CopyCurl({
  delivery,
  attempt,
  webhook,
  size,
}: Pick<Props, "delivery" | "attempt" | "webhook" | "size">) {
  const { data: event } = useQuery(eventQuery(delivery.event_id));
  if (event === undefined || webhook === undefined) return null;
  const sent = attempt?.request_headers ?? [{ name: "content-type", value: "application/json" }];
  const command = toCurl({
    url: webhook.url,
    headers: sent.filter(({ name }) => !isSignature(name)),
    body: requestBody(delivery, event),
  });
  return (
    <Copying value={command} timeout={1_500}>
      {({ copied, copy }) => (
        <Tooltip label="Without signatures, which need the secret" multiline maw={260}>
          <Button
            size={size}
            variant="default"
            leftSection={copied ? <IconCheck size={16} /> : <IconTerminal2 size={16} />}
            onClick={copy}
          >
            {copied ? "Copied" : "Copy as curl"}
          </Button>
        </Tooltip>
      )}
    </Copying>
  );
}
