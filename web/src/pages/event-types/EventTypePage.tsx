// One event type: when it occurs, what it is good for, what is sent.
import {
  Anchor,
  Button,
  Card,
  Group,
  List,
  SegmentedControl,
  Skeleton,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { ApiProblem, client, done, type EventType } from "../../api/client";
import { eventTypesQuery, useAction, webhooksQuery } from "../../api/queries";
import { useMay } from "../../api/session";
import { BackButton } from "../../components/buttons";
import { CodeBlock } from "../../components/CodeBlock";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { IdCopy } from "../../components/IdCopy";
import { Page } from "../../components/Page";
import { Prose } from "../../components/Prose";
import { covers } from "../../components/patterns";
import { Badge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { Checks } from "./Checks";
import { EventTypeForm } from "./EventTypeForm";
import classes from "./EventTypes.module.css";
import { FieldTable } from "./FieldTable";
import { fieldsOf } from "./fields";

const route = getRouteApi("/frame/setup/event-types/$name");
const crumbs = [{ label: "Setup" }, { label: "Event types", to: "/setup/event-types" as const }];

/** What was published is counted meanwhile. */
const COUNTS_STALE_MS = 5_000;

export function EventTypePage() {
  const { name } = route.useParams();
  const {
    data: types,
    error,
    refetch,
  } = useQuery({ ...eventTypesQuery, staleTime: COUNTS_STALE_MS });
  const type = types?.find((each) => each.name === name);

  if (type !== undefined) return <Shown type={type} key={type.name} />;
  return (
    <Page title={name} crumbs={crumbs} back={<BackButton to="/setup/event-types" />}>
      <div className={classes.box}>
        {types !== undefined ? (
          <EmptyState
            title="There is no such event type"
            text={`The catalogue has no ${name}; it may have been deleted.`}
          >
            <Button component={Link} to="/setup/event-types" variant="default">
              All event types
            </Button>
          </EmptyState>
        ) : error !== null ? (
          <ErrorState
            error={error}
            title="The event type could not be loaded"
            onRetry={() => void refetch()}
          />
        ) : (
          <Stack p="md">
            <Skeleton height={18} width="30%" />
            <Skeleton height={12} width="70%" />
            <Skeleton height={220} />
          </Stack>
        )}
      </div>
    </Page>
  );
}

function Shown({ type }: { type: EventType }) {
  const mayWrite = useMay("write");
  const [editing, setEditing] = useState(false);
  const sample = type.sample && JSON.stringify(type.sample, null, 2);
  return (
    <Page
      title={type.title}
      crumbs={crumbs}
      back={<BackButton to="/setup/event-types" />}
      badge={
        <Group gap={6}>
          {!type.built_in && <Badge tone="accent">Custom</Badge>}
          {type.deprecated && <Badge tone="warn">Deprecated</Badge>}
        </Group>
      }
      actions={
        !type.built_in &&
        mayWrite && (
          <>
            <Button
              variant="default"
              leftSection={<IconPencil size={16} />}
              onClick={() => setEditing(true)}
            >
              Edit
            </Button>
            <Delete type={type} />
          </>
        )
      }
    >
      <div className={classes.halves}>
        <Stack gap="md">
          <Card component="section" aria-label="About">
            <Facts type={type} />
          </Card>
          <Card component="section">
            <Listeners name={type.name} />
          </Card>
          {type.schema && (
            <Card component="section">
              <Checks type={type} />
            </Card>
          )}
          <Card component="section">
            <Title order={2} mb="xs">
              Sample data
            </Title>
            {sample === null ? (
              <Text c="dimmed" size="sm">
                This event type has no sample.
              </Text>
            ) : (
              <CodeBlock code={sample} label="sample data" language="json" maxHeight={480} />
            )}
          </Card>
        </Stack>
        <Card component="section">
          <Schema type={type} />
        </Card>
      </div>
      {editing && <EventTypeForm type={type} onClose={() => setEditing(false)} />}
    </Page>
  );
}

function Facts({ type }: { type: EventType }) {
  return (
    <dl className={classes.facts}>
      <Fact name="Name">
        <IdCopy id={type.name} what="event type" />
      </Fact>
      <Fact name="Group">{type.group}</Fact>
      {type.triggered && <Fact name="Triggered">{type.triggered}</Fact>}
      {type.description && (
        <Fact name="About">
          <Prose text={type.description} />
        </Fact>
      )}
      {type.use_cases.length > 0 && (
        <Fact name="Use cases">
          <List size="md" spacing={2}>
            {type.use_cases.map((use) => (
              <List.Item key={use}>{use}</List.Item>
            ))}
          </List>
        </Fact>
      )}
      {type.updated_at && (
        <Fact name="Changed">
          <TimeText at={type.updated_at} as="minutes" />
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Schema({ type }: { type: EventType }) {
  const [raw, setRaw] = useState(false);
  const fields = fieldsOf(type.schema);
  return (
    <>
      <Group justify="space-between" mb="xs" mih={30}>
        <Title order={2}>Fields of data</Title>
        {type.schema && (
          <SegmentedControl
            size="xs"
            aria-label="How to show the schema"
            value={raw ? "raw" : "table"}
            onChange={(choice) => setRaw(choice === "raw")}
            data={[
              { value: "table", label: "Fields" },
              { value: "raw", label: "JSON Schema" },
            ]}
          />
        )}
      </Group>
      {!type.schema ? (
        <Text c="dimmed" size="sm">
          This event type has no schema: its data can be any object.
        </Text>
      ) : raw ? (
        <CodeBlock
          code={JSON.stringify(type.schema, null, 2)}
          label="JSON Schema"
          language="json"
          maxHeight={720}
        />
      ) : fields.length === 0 ? (
        <Text c="dimmed" size="sm">
          The schema names no fields; see it as JSON Schema.
        </Text>
      ) : (
        <FieldTable fields={fields} />
      )}
    </>
  );
}

/** Which webhooks get it, each with a way to send it a test. */
function Listeners({ name }: { name: string }) {
  const { data } = useQuery(webhooksQuery);
  const listening = data?.webhooks.filter(({ events }) =>
    events.some((pattern) => covers(pattern, name)),
  );
  return (
    <>
      <Title order={2} mb="xs">
        Webhooks
      </Title>
      {listening === undefined ? (
        <Skeleton height={30} />
      ) : (
        <Stack gap="xs">
          {listening.length === 0 && (
            <Text c="dimmed" size="sm">
              No webhook listens to this event type.
            </Text>
          )}
          {listening.slice(0, LISTED_MAX).map(({ id, title }) => (
            <Group key={id} justify="space-between" gap="xs" wrap="nowrap">
              <Anchor component={Link} to="/setup/webhooks/$id" params={{ id } as never} truncate>
                {title}
              </Anchor>
              <Button
                component={Link}
                to="/setup/webhooks/$id"
                params={{ id } as never}
                search={{ tab: "test", event: name } as never}
                variant="default"
                size="xs"
                aria-label={`Send a test to ${title}`}
              >
                Send a test
              </Button>
            </Group>
          ))}
          {listening.length > LISTED_MAX && (
            <Text c="dimmed" size="sm">
              and {listening.length - LISTED_MAX} more
            </Text>
          )}
          <Anchor component={Link} to="/setup/webhooks/new" search={{ events: [name] } as never}>
            Add a webhook for it
          </Anchor>
        </Stack>
      )}
    </>
  );
}

const LISTED_MAX = 8;

function Delete({ type }: { type: EventType }) {
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const remove = useAction({
    run: () =>
      done(client.DELETE("/v1/event-types/{name}", { params: { path: { name: type.name } } })),
    invalidates: [eventTypesQuery.queryKey],
    done: `${type.name} is deleted.`,
    failed: "Could not delete the event type",
    shows: (problem) => problem instanceof ApiProblem && problem.status === 404,
    onDone: () => void navigate({ to: "/setup/event-types" }),
  });
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconTrash size={16} />}
        onClick={() => setAsking(true)}
      >
        Delete
      </Button>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete ${type.name}?`}
        confirmLabel="Delete"
        danger
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        It is gone from the catalogue at once. Events of this type are refused from then on; what
        was delivered stays in the log.
      </ConfirmDialog>
    </>
  );
}
