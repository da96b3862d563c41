// One event: what it says, and where it went.
import { Anchor, Button, Card, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconRouteOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { answer, client, type Delivery, type Schemas } from "../../api/client";
import { useCursorList } from "../../api/queries";
import { useMay } from "../../api/session";
import { AddButton } from "../../components/buttons";
import { DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { EventChip } from "../../components/EventChip";
import { IdCopy } from "../../components/IdCopy";
import { JsonView } from "../../components/JsonView";
import { Page } from "../../components/Page";
import { useCursorPaging } from "../../components/paging";
import { Badge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { deliveryColumns, deliveryName } from "../deliveries/columns";
import { useWebhooksById } from "../deliveries/DeliveryState";
import { eventQuery } from "../delivery/queries";
import classes from "./EventPage.module.css";
import { whereItWent } from "./where";

const route = getRouteApi("/frame/events/$id");
const crumbs = [{ label: "Deliveries", to: "/deliveries" } as const];

export function EventPage() {
  const { id } = route.useParams();
  const { data: event, error, refetch } = useQuery(eventQuery(id));
  if (event !== undefined) return <Loaded event={event} />;
  return (
    <Page title="Event" crumbs={crumbs}>
      {error === null ? (
        <Stack gap="md" role="status" aria-label="Loading the event">
          <Skeleton height={120} />
          <Skeleton height={260} />
        </Stack>
      ) : (
        <Card>
          <ErrorState
            error={error}
            title="The event could not be loaded"
            onRetry={() => void refetch()}
          />
        </Card>
      )}
    </Page>
  );
}

function Loaded({ event }: { event: Schemas["Event"] }) {
  return (
    <Page
      title={event.event}
      crumbs={[...crumbs, { label: "Event" }]}
      badge={event.trigger === "test" ? <Badge tone="accent">TEST</Badge> : undefined}
      lead={<IdCopy id={event.id} what="event id" />}
      actions={
        <Button
          variant="default"
          component={Link}
          to="/deliveries"
          search={{ event_id: event.id } as never}
        >
          Show in the log
        </Button>
      }
    >
      <Card>
        <dl className={classes.facts}>
          <div>
            <dt>Event type</dt>
            <dd>
              <EventChip pattern={event.event} />
            </dd>
          </div>
          <div>
            <dt>Happened</dt>
            <dd>
              <TimeText at={event.timestamp} as="seconds" />
            </dd>
          </div>
          <div>
            <dt>Accepted</dt>
            <dd>
              <TimeText at={event.accepted_at} as="seconds" />
            </dd>
          </div>
          <div>
            <dt>Powerlist</dt>
            <dd>
              {event.powerlist_id === null ? (
                "None"
              ) : (
                <IdCopy id={event.powerlist_id} what="powerlist id" />
              )}
            </dd>
          </div>
        </dl>
      </Card>
      <Deliveries event={event} />
      <section aria-labelledby="data">
        <Title order={2} id="data" mb="xs">
          Data
        </Title>
        <JsonView value={JSON.stringify(event.data ?? {})} label="event data" maxHeight={560} />
      </section>
    </Page>
  );
}

/** Deliveries that are read at once; an event goes to few webhooks. */
const ROWS = 50;

function Deliveries({ event }: { event: Schemas["Event"] }) {
  const { cursor } = route.useSearch();
  const navigate = useNavigate();
  const webhooks = useWebhooksById();
  const may = useMay("write");
  const { id } = event;
  const list = useCursorList<Delivery>(["deliveries", { of: id }, cursor ?? null], () =>
    answer(
      client.GET("/v1/events/{id}/deliveries", {
        params: { path: { id }, query: { limit: ROWS, cursor } },
      }),
    ),
  );
  const paging = useCursorPaging(cursor, list.nextCursor);
  const all = cursor === undefined && list.nextCursor === null ? list.rows : undefined;
  return (
    <section aria-labelledby="deliveries">
      <Title order={2} id="deliveries">
        Where it went
      </Title>
      <Text c="dimmed" mb="sm">
        {all !== undefined && all.length > 0
          ? whereItWent(all)
          : `To ${event.deliveries} ${event.deliveries === 1 ? "webhook" : "webhooks"}.`}
      </Text>
      <DataTable
        label="Deliveries"
        columns={deliveryColumns(
          ["status", "webhook", "response", "duration", "attempts", "time"],
          { webhooks, titled: "webhook" },
        )}
        rows={list.rows}
        rowId={(delivery) => delivery.id}
        rowName={deliveryName}
        error={list.error}
        onRetry={list.retry}
        stale={list.stale}
        paging={paging}
        onOpen={(delivery) => void navigate({ to: "/deliveries/$id", params: { id: delivery.id } })}
        empty={
          <EmptyState
            icon={IconRouteOff}
            title="No webhook listened"
            text={
              <>
                Nothing was set up for{" "}
                <Anchor
                  component={Link}
                  to="/setup/event-types/$name"
                  params={{ name: event.event } as never}
                  inherit
                >
                  {event.event}
                </Anchor>{" "}
                when this event came. Webhooks get the events that come after they were added.
              </>
            }
          >
            {may && (
              <AddButton to="/setup/webhooks/new" search={{ events: [event.event] }}>
                Add a webhook for it
              </AddButton>
            )}
          </EmptyState>
        }
      />
    </section>
  );
}
