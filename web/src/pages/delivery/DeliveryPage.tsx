// One delivery by its address.
import { Card, Skeleton, Stack } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { DeliveryDetail } from "../../api/client";
import { ErrorState } from "../../components/ErrorState";
import { IdCopy } from "../../components/IdCopy";
import { Page } from "../../components/Page";
import { Badge } from "../../components/StatusBadge";
import { usePaletteActions } from "../../frame/actions";
import { useShortcuts } from "../../frame/shortcuts";
import { DeliveryState, useWebhooksById } from "../deliveries/DeliveryState";
import { DeliveryActions, useRetryAsking } from "./DeliveryActions";
import { DeliveryView, shownAttempt } from "./DeliveryView";
import { deliveryQuery } from "./queries";

const route = getRouteApi("/frame/deliveries/$id");

export function DeliveryPage() {
  const { id } = route.useParams();
  const { data: delivery, error, refetch } = useQuery(deliveryQuery(id));
  if (delivery !== undefined) return <Loaded delivery={delivery} />;
  return (
    <Page title="Delivery" crumbs={[{ label: "Deliveries", to: "/deliveries" }]}>
      {error === null ? (
        <Loading />
      ) : (
        <Card>
          <ErrorState
            error={error}
            title="The delivery could not be loaded"
            onRetry={() => void refetch()}
          />
        </Card>
      )}
    </Page>
  );
}

function Loaded({ delivery }: { delivery: DeliveryDetail }) {
  const { attempt: number } = route.useSearch();
  const navigate = route.useNavigate();
  const webhook = useWebhooksById().get(delivery.webhook_id);
  const retry = useRetryAsking();
  const clipboard = useClipboard();
  useShortcuts([
    { keys: "r", label: "Retry", group: "This page", run: () => retry.ask(delivery) },
    { keys: "y", label: "Copy the id", group: "This page", run: () => clipboard.copy(delivery.id) },
  ]);
  usePaletteActions([
    {
      id: "retry-delivery",
      label: "Retry this delivery",
      icon: IconRefresh,
      run: () => retry.ask(delivery),
    },
  ]);
  return (
    <Page
      title={delivery.event}
      crumbs={[{ label: "Deliveries", to: "/deliveries" }, { label: "Delivery" }]}
      badge={
        <>
          <DeliveryState delivery={delivery} webhook={webhook} />
          {delivery.trigger === "test" && <Badge tone="accent">TEST</Badge>}
        </>
      }
      lead={<IdCopy id={delivery.id} what="delivery id" />}
      actions={
        <DeliveryActions
          delivery={delivery}
          attempt={shownAttempt(delivery, number)}
          webhook={webhook}
          onRetry={() => retry.ask(delivery)}
          busy={retry.busy}
        />
      }
    >
      <DeliveryView
        delivery={delivery}
        webhook={webhook}
        attempt={number}
        onAttempt={(attempt) => void navigate({ search: { attempt }, replace: true })}
      />
      {retry.dialog}
    </Page>
  );
}

export function Loading() {
  return (
    <Stack gap="md" role="status" aria-label="Loading the delivery">
      <Skeleton height={30} width="40%" />
      <Skeleton height={180} />
      <Skeleton height={260} />
    </Stack>
  );
}
