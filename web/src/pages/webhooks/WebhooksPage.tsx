// Setup > Webhooks: all of the account's webhooks, and the first steps of a new server.
import { Anchor, Button, Group, Select, Text, Tooltip } from "@mantine/core";
import { IconArrowDownLeft, IconArrowUpRight, IconSearch, IconWebhook } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Webhook } from "../../api/client";
import { usePowerlistNames } from "../../api/contacts";
import { endpointUrl } from "../../api/inbound";
import { isOutbound, webhooksQuery } from "../../api/queries";
import { useMay } from "../../api/session";
import { AddButton } from "../../components/buttons";
import { type Column, DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { Page } from "../../components/Page";
import { SearchField } from "../../components/SearchField";
import { StatusBadge, statusWord } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatCount } from "../../format";
import { usePaletteActions } from "../../frame/actions";
import { useShortcuts } from "../../frame/shortcuts";
import { DeleteWebhook } from "./DeleteWebhook";
import { FirstSteps, useFirstSteps } from "./FirstSteps";
import { isFiltered, type ListSearch, PAGE_ROWS, type SortKey, shown, sortOf } from "./list";
import { RowActions } from "./RowActions";
import classes from "./WebhooksPage.module.css";

const route = getRouteApi("/frame/setup/webhooks");

/** How often hits are read again; seldom where that takes many requests. */
const REFRESH_MS = 3_000;
const REFRESH_MANY_MS = 30_000;
const MANY = 200;

const statuses = ["enabled", "paused", "disabled"] as const;

export function WebhooksPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const { data, error, refetch } = useQuery({
    ...webhooksQuery,
    refetchInterval: ({ state }) =>
      (state.data?.webhooks.length ?? 0) < MANY ? REFRESH_MS : REFRESH_MANY_MS,
  });
  const [deleting, setDeleting] = useState<Webhook | null>(null);
  const firstSteps = useFirstSteps(data?.webhooks);
  const list = data && shown(data.webhooks, search);
  const filtered = isFiltered(search);
  const isNew = data?.webhooks.length === 0;

  function change(to: Partial<ListSearch>, replace = false) {
    void navigate({
      to: "/setup/webhooks",
      search: { ...search, page: undefined, ...to },
      replace,
    });
  }

  const add = () => void navigate({ to: "/setup/webhooks/new" });
  useShortcuts(
    mayWrite ? [{ keys: "n", label: "Add a webhook", group: "This page", run: add }] : [],
  );
  usePaletteActions([
    { id: "webhooks-first-steps", label: "Show the first steps", run: firstSteps.recall },
  ]);

  return (
    <Page
      title="Webhooks"
      crumbs={[{ label: "Setup" }]}
      lead="Each sends the events you choose to a URL of yours, or receives contacts into a powerlist."
      actions={mayWrite && <AddButton to="/setup/webhooks/new" />}
    >
      {firstSteps.visible && data && (
        <FirstSteps webhooks={data.webhooks} steps={firstSteps} mayWrite={mayWrite} />
      )}
      {!isNew && <Filters search={search} onChange={change} />}
      {!(isNew && firstSteps.visible) && (
        <DataTable
          label="Webhooks"
          columns={columns(setDeleting)}
          rows={list?.rows}
          rowId={({ id }) => id}
          rowName={({ title }) => title}
          error={error}
          onRetry={() => void refetch()}
          sort={sortOf(search)}
          onSort={({ key, order }) => change({ sort: key as SortKey, order })}
          onOpen={({ id }) => void navigate({ to: "/setup/webhooks/$id", params: { id } })}
          empty={
            filtered ? (
              <EmptyState
                icon={IconSearch}
                title="No webhooks match"
                text={`None of ${formatCount(data?.webhooks.length ?? 0)} has what you look for.`}
              >
                <Button
                  variant="default"
                  onClick={() => change({ q: undefined, status: undefined, direction: undefined })}
                >
                  Clear filters
                </Button>
              </EmptyState>
            ) : (
              <EmptyState
                icon={IconWebhook}
                title="No webhooks yet"
                text={
                  mayWrite
                    ? "Add one and send it a test event."
                    : "Someone who may write has to add the first one."
                }
              >
                {mayWrite && <AddButton to="/setup/webhooks/new" />}
                <Button variant="default" onClick={firstSteps.recall}>
                  Show the first steps
                </Button>
              </EmptyState>
            )
          }
          paging={
            data === undefined || list === undefined || list.pages === 1
              ? undefined
              : {
                  note: note(list.page, list.rows.length, list.count, data.complete),
                  onPrevious: list.page > 1 ? () => change({ page: list.page - 1 }) : undefined,
                  onNext:
                    list.page < list.pages ? () => change({ page: list.page + 1 }) : undefined,
                }
          }
        />
      )}
      <DeleteWebhook webhook={deleting} onClose={() => setDeleting(null)} />
    </Page>
  );
}

function note(page: number, rows: number, count: number, complete: boolean): string | undefined {
  if (count === 0) return undefined;
  const from = (page - 1) * PAGE_ROWS;
  const all = complete ? formatCount(count) : `the newest ${formatCount(count)}`;
  if (rows === count && complete) return count === 1 ? "1 webhook" : `${all} webhooks`;
  return `${formatCount(from + 1)}–${formatCount(from + rows)} of ${all} webhooks`;
}

function columns(onDelete: (webhook: Webhook) => void): Column<Webhook>[] {
  return [
    {
      key: "number",
      header: "#",
      sortable: true,
      width: 72,
      card: "hidden",
      cell: ({ number }) => (
        <Text span c="dimmed" className="tabular">
          {number}
        </Text>
      ),
    },
    {
      key: "title",
      header: "Title",
      sortable: true,
      card: "title",
      cell: (webhook) => <Title webhook={webhook} />,
    },
    {
      key: "hits",
      header: "Hits",
      sortable: true,
      align: "right",
      width: 110,
      cell: ({ hits, direction }) => (
        <Tooltip
          label={
            direction === "inbound"
              ? "Requests received; replays are not counted"
              : "Requests sent, with retries; tests are not counted"
          }
        >
          <span className="tabular">{formatCount(hits)}</span>
        </Tooltip>
      ),
    },
    {
      key: "last_hit_at",
      header: "Last Hit",
      sortable: true,
      width: 180,
      cell: ({ last_hit_at }) =>
        last_hit_at === null ? (
          <Text span c="dimmed">
            Never
          </Text>
        ) : (
          <TimeText at={last_hit_at} as="seconds" />
        ),
    },
    {
      key: "created_at",
      header: "Created At",
      sortable: true,
      width: 190,
      cell: ({ created_at }) => <TimeText at={created_at} as="minutes" />,
    },
    {
      key: "action",
      header: "Action",
      width: 150,
      card: "actions",
      cell: (webhook) => <RowActions webhook={webhook} onDelete={() => onDelete(webhook)} />,
    },
  ];
}

function Title({ webhook }: { webhook: Webhook }) {
  const { id, title, status, hits, disabled_reason: reason } = webhook;
  const badge = <StatusBadge status={status === "enabled" && hits === 0 ? "no_hits" : status} />;
  return (
    <div className={classes.title}>
      <Group gap={8} wrap="nowrap">
        <Anchor
          component={Link}
          to="/setup/webhooks/$id"
          params={{ id } as never}
          c="inherit"
          fw={600}
          className={classes.name}
        >
          {title}
        </Anchor>
        {reason === null ? (
          badge
        ) : (
          <Tooltip label={reason} multiline maw={320}>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the reason has to be reachable by keyboard. */}
            <span tabIndex={0}>{badge}</span>
          </Tooltip>
        )}
      </Group>
      <Address webhook={webhook} />
    </div>
  );
}

/** Which way its requests go, and where. */
function Address({ webhook }: { webhook: Webhook }) {
  const listName = usePowerlistNames();
  if (isOutbound(webhook)) {
    return (
      <div className={classes.address} title={webhook.url}>
        <IconArrowUpRight size={14} aria-hidden="true" />
        <span className="visually-hidden">Sends to </span>
        <span className={`mono ${classes.url}`}>{webhook.url}</span>
      </div>
    );
  }
  const { powerlist_id: list, endpoints } = webhook;
  const url = endpoints[0] === undefined ? "" : endpointUrl(endpoints[0]);
  return (
    <div className={classes.address} data-receives title={url}>
      <IconArrowDownLeft size={14} aria-hidden="true" />
      <span className={classes.url}>Receives into {listName(list) ?? list}</span>
    </div>
  );
}

function Filters(props: {
  search: ListSearch;
  onChange: (to: Partial<ListSearch>, replace?: boolean) => void;
}) {
  const { search, onChange } = props;
  return (
    <Group gap="sm">
      <SearchField
        label="Search webhooks"
        placeholder="Search by title, URL or event"
        value={search.q}
        onChange={(q) => onChange({ q }, true)}
      />
      <Select
        aria-label="Direction"
        placeholder="Both directions"
        clearable
        w={170}
        data={[
          { value: "outbound", label: "Sending" },
          { value: "inbound", label: "Receiving" },
        ]}
        value={search.direction ?? null}
        onChange={(direction) =>
          onChange({ direction: (direction as Webhook["direction"]) ?? undefined })
        }
      />
      <Select
        aria-label="Status"
        placeholder="Any status"
        clearable
        w={170}
        data={statuses.map((value) => ({ value, label: statusWord(value) }))}
        value={search.status ?? null}
        onChange={(status) => onChange({ status: (status as Webhook["status"]) ?? undefined })}
      />
    </Group>
  );
}
