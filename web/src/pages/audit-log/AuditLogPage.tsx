// Who changed what, when and from where.
import { Anchor, Button, NativeSelect, Text, TextInput } from "@mantine/core";
import { IconFilterOff, IconHistory } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type AuditAction, type AuditEntry, answer, client } from "../../api/client";
import { useCursorList } from "../../api/queries";
import { useMay } from "../../api/session";
import { type Column, DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { NeedsManage } from "../../components/NeedsManage";
import { Page } from "../../components/Page";
import { useCursorPaging } from "../../components/paging";
import { TimeText } from "../../components/TimeText";
import classes from "./AuditLogPage.module.css";
import { actionLook, actionLooks } from "./actions";
import { Changes } from "./Changes";
import { fromField, toField } from "./local";
import { TargetLink } from "./TargetLink";

const route = getRouteApi("/frame/settings/audit-log");

export function AuditLogPage() {
  return (
    <Page
      title="Audit log"
      crumbs={[{ label: "Settings", to: "/settings" }]}
      lead="Every change of a setting and every sign-in, newest first, kept for 400 days. Secrets, passwords and keys are never in it."
    >
      <NeedsManage what="Audit logs">
        <Filters />
        <Entries />
      </NeedsManage>
    </Page>
  );
}

/** Sets or clears filters, from the first page on. */
function useFilters() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const { cursor: _, ...filters } = search;
  return {
    search,
    isFiltered: Object.values(filters).some((value) => value !== undefined),
    change: (change: Partial<typeof filters>) =>
      void navigate({
        to: "/settings/audit-log",
        search: { ...filters, ...change },
        replace: true,
      }),
    clear: () => void navigate({ to: "/settings/audit-log", search: {} }),
  };
}

function Filters() {
  const { search, isFiltered, change, clear } = useFilters();
  const actors = useActors(search.actor);

  function changeTarget(text: string) {
    const target = text.trim() || undefined;
    if (target !== search.target) change({ target });
  }

  return (
    <search className={classes.filters} aria-label="Filter the audit log">
      <NativeSelect
        label="Who"
        value={search.actor ?? ""}
        onChange={(event) => change({ actor: event.currentTarget.value || undefined })}
        data={[{ value: "", label: "Anybody" }, ...actors]}
      />
      <NativeSelect
        label="Action"
        value={search.action ?? ""}
        onChange={(event) => change({ action: event.currentTarget.value || undefined })}
        data={[
          { value: "", label: "Any action" },
          ...Object.entries(actionLooks).map(([value, { label }]) => ({ value, label })),
        ]}
      />
      <TextInput
        // Anew when the address changes, as by a click on a name.
        key={search.target}
        label="Target's id"
        placeholder="wh_…, usr_…, call.ended"
        defaultValue={search.target ?? ""}
        data-search
        onBlur={(event) => changeTarget(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && changeTarget(event.currentTarget.value)}
      />
      <TextInput
        type="datetime-local"
        label="Since"
        value={toField(search.since)}
        onChange={(event) => change({ since: fromField(event.currentTarget.value) })}
      />
      <TextInput
        type="datetime-local"
        label="Until"
        value={toField(search.until)}
        onChange={(event) => change({ until: fromField(event.currentTarget.value) })}
      />
      {isFiltered && (
        <Button variant="default" leftSection={<IconFilterOff size={16} />} onClick={clear}>
          Clear filters
        </Button>
      )}
    </search>
  );
}

/** Those who can have acted: users, keys, the system, and whoever is in the address. */
function useActors(chosen: string | undefined) {
  const administers = useMay("administer");
  const { data } = useQuery({
    queryKey: ["audit-log", "actors", administers],
    queryFn: async () => {
      const query = { limit: 200 };
      const [users, keys, platformKeys] = await Promise.all([
        answer(client.GET("/v1/users", { params: { query } })),
        answer(client.GET("/v1/api-keys", { params: { query } })),
        administers
          ? answer(
              client.GET("/v1/api-keys", { params: { query: { ...query, role: "platform" } } }),
            )
          : null,
      ]);
      return [
        ...users.data.map(({ id, name }) => ({ value: id, label: name })),
        ...[...keys.data, ...(platformKeys?.data ?? [])].map(({ id, name }) => ({
          value: id,
          label: `Key ${name}`,
        })),
      ];
    },
    staleTime: 60_000,
  });
  const known = [...(data ?? []), { value: "system", label: "The server, or nobody known" }];
  const isKnown = chosen === undefined || known.some(({ value }) => value === chosen);
  return isKnown ? known : [...known, { value: chosen, label: chosen }];
}

const columns: Column<AuditEntry>[] = [
  {
    key: "what",
    header: "What",
    card: "title",
    cell: (entry) => <What entry={entry} />,
  },
  {
    key: "who",
    header: "Who",
    width: 170,
    cell: ({ actor }) => <Who actor={actor} />,
  },
  {
    key: "at",
    header: "When",
    width: 170,
    cell: ({ at }) => <TimeText at={at} as="seconds" />,
  },
  {
    key: "from",
    header: "From",
    width: 130,
    cell: ({ remote_address }) => <span className="mono">{remote_address ?? "—"}</span>,
  },
];

function Entries() {
  const { search, isFiltered, clear } = useFilters();
  const { action, ...rest } = search;
  const list = useCursorList(["audit-log", search], () =>
    answer(
      client.GET("/v1/audit-log", {
        params: { query: { ...rest, action: action as AuditAction | undefined, limit: 50 } },
      }),
    ),
  );
  const paging = useCursorPaging(search.cursor, list.nextCursor);
  return (
    <DataTable
      label="Audit log"
      columns={columns}
      rows={list.rows}
      rowId={({ id }) => id}
      error={list.error}
      onRetry={list.retry}
      stale={list.stale}
      paging={paging}
      empty={
        isFiltered ? (
          <EmptyState icon={IconFilterOff} title="No entry matches">
            <Button variant="default" onClick={clear}>
              Clear filters
            </Button>
          </EmptyState>
        ) : (
          <EmptyState
            icon={IconHistory}
            title="Nothing was changed yet"
            text="Whatever is changed in the dashboard or by the API will stand here."
          />
        )
      }
    />
  );
}

function What({ entry: { action, target, changes } }: { entry: AuditEntry }) {
  const { words, icon: Shape, tone } = actionLook(action);
  // What is made or deleted has many fields that say little; of a change, each counts.
  const first = /\.(created|invited|deleted)$/.test(action) ? 0 : 4;
  return (
    <div className={classes.entry}>
      <span className={classes.icon} data-tone={tone} aria-hidden="true">
        <Shape size={16} stroke={1.8} />
      </span>
      <div className={classes.what}>
        <Text component="span">{words} </Text>
        {target === null ? (
          <Text component="span" c="dimmed">
            somebody unknown
          </Text>
        ) : (
          <TargetLink target={target} isGone={action.endsWith(".deleted")} />
        )}
        <Changes changes={changes} first={first} />
      </div>
    </div>
  );
}

function Who({ actor }: { actor: AuditEntry["actor"] }): ReactNode {
  const { type, id, name } = actor;
  const word = { user: name, key: `Key ${name}`, system: "—" }[type];
  return (
    <Anchor
      component={Link}
      to="/settings/audit-log"
      search={{ actor: id ?? "system" } as never}
      c="inherit"
      aria-label={`Only what ${type === "system" ? "nobody known" : word} did`}
    >
      {word}
    </Anchor>
  );
}
