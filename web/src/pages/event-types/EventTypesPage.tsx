// The catalogue: every event type there is, in its groups.
import {
  Anchor,
  Button,
  Group,
  Select,
  Skeleton,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconAlertTriangle, IconPlus, IconSearch, IconSearchOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { EventType } from "../../api/client";
import { eventTypesQuery, webhooksQuery } from "../../api/queries";
import { useMay } from "../../api/session";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { Page } from "../../components/Page";
import { covers, groupsOf, matches } from "../../components/patterns";
import { Badge } from "../../components/StatusBadge";
import { firstSentence } from "../../format";
import { useShortcuts } from "../../frame/shortcuts";
import { DownloadTypes } from "./DownloadTypes";
import { EventTypeForm } from "./EventTypeForm";
import classes from "./EventTypes.module.css";

const route = getRouteApi("/frame/setup/event-types");

export function EventTypesPage() {
  const { q = "", group } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: types, error, refetch } = useQuery(eventTypesQuery);
  const mayWrite = useMay("write");
  const [adding, setAdding] = useState(false);
  useShortcuts(
    mayWrite
      ? [{ keys: "n", label: "Add an event type", group: "This page", run: () => setAdding(true) }]
      : [],
  );
  const change = (changed: { q?: string; group?: string }) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true });

  const shown = types
    ?.filter((type) => q === "" || matches(type, q))
    .filter((type) => group === undefined || type.group === group);
  const groups = types && [...new Set(types.map((type) => type.group))];

  return (
    <Page
      title="Event types"
      crumbs={[{ label: "Setup" }]}
      lead="What can happen, and what is sent when it does. Webhooks choose among these."
      actions={
        <>
          <DownloadTypes />
          {mayWrite && (
            <Button
              color="yellow.5"
              c="black"
              leftSection={<IconPlus size={16} />}
              onClick={() => setAdding(true)}
            >
              Add
            </Button>
          )}
        </>
      }
    >
      <Group gap="sm">
        <Search text={q} onChange={(text) => change({ q: text || undefined })} />
        <Select
          aria-label="Group"
          placeholder="All groups"
          data={groups ?? []}
          value={group ?? null}
          onChange={(chosen) => change({ group: chosen ?? undefined })}
          clearable
          clearButtonProps={{ "aria-label": "Show all groups" }}
          w={180}
        />
      </Group>
      {types === undefined ? (
        error === null ? (
          <Loading />
        ) : (
          <div className={classes.box}>
            <ErrorState
              error={error}
              title="The event types could not be loaded"
              onRetry={() => void refetch()}
            />
          </div>
        )
      ) : shown?.length === 0 ? (
        <div className={classes.box}>
          <EmptyState icon={IconSearchOff} title="No event type matches">
            <Button variant="default" onClick={() => change({ q: undefined, group: undefined })}>
              Clear filters
            </Button>
          </EmptyState>
        </div>
      ) : (
        <Catalogue types={shown ?? []} />
      )}
      {adding && <EventTypeForm onClose={() => setAdding(false)} />}
    </Page>
  );
}

function Search({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const tell = useDebouncedCallback(onChange, 150);
  useEffect(() => setTyped(text), [text]);
  return (
    <TextInput
      data-search
      aria-label="Search event types"
      placeholder="Search names, triggers, uses"
      leftSection={<IconSearch size={16} />}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        tell(event.currentTarget.value);
      }}
      className={classes.search}
    />
  );
}

function Catalogue({ types }: { types: EventType[] }) {
  const { data } = useQuery(webhooksQuery);
  const listeners = (name: string) =>
    data?.webhooks.filter(({ events }) => events.some((pattern) => covers(pattern, name))).length;
  return (
    <Stack gap="lg">
      <span className="visually-hidden" role="status">
        {types.length} event types
      </span>
      {groupsOf(types).map(({ title, types: ofGroup }) => (
        <section key={title} aria-label={title}>
          <Title order={2} mb="xs">
            {title}
          </Title>
          <ul className={classes.list}>
            {ofGroup.map((type) => (
              <Entry key={type.name} type={type} listeners={listeners(type.name)} />
            ))}
          </ul>
        </section>
      ))}
    </Stack>
  );
}

function Entry({ type, listeners }: { type: EventType; listeners: number | undefined }) {
  const about = type.triggered ?? type.description;
  return (
    <li className={classes.entry}>
      <div className={classes.names}>
        <Anchor
          component={Link}
          to="/setup/event-types/$name"
          params={{ name: type.name } as never}
          fw={600}
          className={classes.link}
        >
          {type.title}
        </Anchor>
        {type.title !== type.name && (
          <Text size="sm" c="dimmed" className="mono" truncate>
            {type.name}
          </Text>
        )}
      </div>
      <Text size="sm" className={classes.about}>
        {about ? firstSentence(about) : "No description."}
      </Text>
      <Group gap={6} className={classes.badges}>
        {!type.built_in && <Badge tone="accent">Custom</Badge>}
        {type.deprecated && <Badge tone="warn">Deprecated</Badge>}
        {type.invalid_events > 0 && (
          <Badge tone="warn" icon={IconAlertTriangle}>{`${type.invalid_events} invalid`}</Badge>
        )}
        {listeners !== undefined && (
          <Text size="sm" c="dimmed" className="tabular">
            {listeners === 0
              ? "No webhook"
              : listeners === 1
                ? "1 webhook"
                : `${listeners} webhooks`}
          </Text>
        )}
      </Group>
    </li>
  );
}

function Loading() {
  return (
    <>
      <span className="visually-hidden" role="status">
        Loading event types
      </span>
      <Stack gap="sm">
        {[1, 2, 3, 4, 5].map((n) => (
          <Skeleton key={n} height={56} radius="md" />
        ))}
      </Stack>
    </>
  );
}
