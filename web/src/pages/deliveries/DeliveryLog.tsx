// The log of deliveries with filters and live tail: of all webhooks, or of one. What it shows is
// in the address; a delivery opens beside it on wide screens, else on its page.
import { Button, Group, Loader, Stack, Text } from "@mantine/core";
import { useClipboard, useMediaQuery } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconBroadcast, IconDownload, IconFilterOff } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FocusEvent, useCallback, useEffect, useMemo, useState } from "react";
import { type Delivery, sentence } from "../../api/client";
import { useDeliveryStream } from "../../api/stream";
import { DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { useCursorPaging } from "../../components/paging";
import { Split, useRoomForPanel } from "../../components/SidePanel";
import { download } from "../../components/series";
import { formatCount } from "../../format";
import { usePaletteActions } from "../../frame/actions";
import { useShortcuts } from "../../frame/shortcuts";
import { useRetryAsking } from "../delivery/DeliveryActions";
import { DeliveryPanel } from "../delivery/DeliveryPanel";
import { BulkBar } from "./BulkBar";
import { type ColumnKey, deliveryColumns, deliveryName } from "./columns";
import { deliveriesToCsv } from "./csv";
import classes from "./DeliveryLog.module.css";
import { useWebhooksById } from "./DeliveryState";
import { FilterBar } from "./FilterBar";
import {
  type Filters,
  filterCount,
  filterNames,
  filtersOf,
  type LogPage,
  type LogSearch,
  matches,
  readLog,
} from "./filters";
import { LogEmpty } from "./LogEmpty";
import { addToTail, withTail } from "./tail";
import { ViewsMenu } from "./ViewsMenu";

interface Props {
  webhookId?: string;
}

export function DeliveryLog({ webhookId }: Props) {
  const { search, filters, change, setFilters } = useLogSearch(webhookId);
  const { cursor, selected } = search;
  // What is new belongs at the top of the first page.
  const live = search.live === true && cursor === undefined;
  const navigate = useNavigate();
  const webhooks = useWebhooksById();
  const wide = useRoomForPanel();
  const phone = useMediaQuery("(max-width: 639px)", undefined, { getInitialValueInEffect: false });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const retry = useRetryAsking();
  const clipboard = useClipboard();

  const list = useLog(filters, cursor, live);
  const tail = useTail(filters, live, () => void list.refetch());
  const rows = useMemo(
    () => list.data && withTail(tail.rows, list.data.data),
    [list.data, tail.rows],
  );
  const fresh = useMemo(() => new Set(tail.rows.map(({ id }) => id)), [tail.rows]);
  const count = filterCount(filters, webhookId === undefined ? undefined : "webhook_id");
  const paging = useCursorPaging(cursor, list.data?.next_cursor ?? null);

  function open(delivery: Delivery) {
    if (wide) change({ selected: delivery.id });
    else void navigate({ to: "/deliveries/$id", params: { id: delivery.id } });
  }
  const close = () => change({ selected: undefined });

  // A link with an open panel, on a screen that has no room for one.
  useEffect(() => {
    if (!wide && selected !== undefined) {
      void navigate({ to: "/deliveries/$id", params: { id: selected }, replace: true });
    }
  }, [wide, selected, navigate]);

  const clear = () => setFilters({});
  const toggleLive = () => change({ live: live ? undefined : true, cursor: undefined });
  function exportCsv() {
    const text = deliveriesToCsv(rows ?? [], (id) => webhooks.get(id)?.title);
    download(`deliveries-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.csv`, text);
  }
  /** The delivery that keys are about: of the row with the focus, else the one that is open. */
  function withCurrent(act: (delivery: Delivery) => void) {
    const focused = document.activeElement?.closest<HTMLElement>("main [data-row]")?.dataset.row;
    const delivery = rows?.find(({ id }) => id === (focused ?? selected));
    if (delivery !== undefined) act(delivery);
  }
  useShortcuts([
    { keys: "l", label: "Live tail on or off", group: "This page", run: toggleLive },
    {
      keys: "r",
      label: "Retry the delivery",
      group: "This page",
      run: () => withCurrent(retry.ask),
    },
    {
      keys: "y",
      label: "Copy the delivery's id",
      group: "This page",
      run: () =>
        withCurrent(({ id }) => {
          clipboard.copy(id);
          notifications.show({ message: `Copied ${id}`, color: "teal" });
        }),
    },
    ...(selected === undefined
      ? []
      : [{ keys: "Escape", label: "Close the panel", group: "This page" as const, run: close }]),
  ]);
  usePaletteActions([
    { id: "live-tail", label: "Live tail on or off", icon: IconBroadcast, run: toggleLive },
    { id: "export-csv", label: "Export deliveries as CSV", icon: IconDownload, run: exportCsv },
  ]);

  const panel = wide && selected !== undefined;
  const columns = useMemo(() => {
    const all: ColumnKey[] = panel
      ? ["status", "event", "time"]
      : ["status", "event", "webhook", "response", "duration", "attempts", "time"];
    return deliveryColumns(
      all.filter((key) => key !== "webhook" || webhookId === undefined),
      {
        webhooks,
        onOpen: wide ? (delivery) => change({ selected: delivery.id }) : undefined,
        mark: ({ id }) => (fresh.has(id) ? classes.fresh : undefined),
      },
    );
  }, [panel, wide, webhookId, webhooks, fresh, change]);

  return (
    <Stack gap="sm">
      <FilterBar
        filters={filters}
        webhookId={webhookId}
        onChange={(changed) => setFilters({ ...filters, ...changed })}
        onClear={clear}
      />
      <Group justify="space-between" gap="xs">
        <TailControl live={live} tail={tail} onToggle={toggleLive} />
        <Group gap="xs">
          <ViewsMenu filters={filters} onChoose={setFilters} />
          <Button
            variant="default"
            leftSection={<IconDownload size={16} />}
            onClick={exportCsv}
            disabled={rows === undefined || rows.length === 0}
          >
            {phone ? "CSV" : "Export CSV"}
          </Button>
        </Group>
      </Group>
      {retry.may && (
        <BulkBar
          chosen={rows?.filter(({ id }) => chosen.has(id)) ?? []}
          onClear={() => setChosen(new Set())}
        />
      )}
      <Split
        list={
          <div className={classes.list} {...tail.watch}>
            <DataTable
              label="Deliveries"
              columns={columns}
              rows={rows}
              rowId={({ id }) => id}
              rowName={deliveryName}
              error={list.data === undefined ? list.error : null}
              onRetry={() => void list.refetch()}
              stale={list.isPlaceholderData}
              onOpen={open}
              openId={panel ? selected : undefined}
              selection={retry.may && !panel ? { ids: chosen, onChange: setChosen } : undefined}
              paging={{ ...paging, note: <PageNote page={list.data} shown={rows?.length} /> }}
              empty={
                count > 0 ? (
                  <EmptyState
                    icon={IconFilterOff}
                    title="No deliveries match"
                    text={noMatch(list.data)}
                  >
                    <Button variant="default" onClick={clear}>
                      Clear filters
                    </Button>
                  </EmptyState>
                ) : (
                  <LogEmpty webhookId={webhookId} />
                )
              }
            />
          </div>
        }
        panel={
          panel ? (
            <DeliveryPanel
              key={selected}
              id={selected}
              webhooks={webhooks}
              onClose={close}
              onRetry={retry.ask}
              retrying={retry.busy}
            />
          ) : null
        }
      />
      {retry.dialog}
    </Stack>
  );
}

/** What is in the address, and how to change it. */
function useLogSearch(webhookId: string | undefined) {
  const search = useSearch({ strict: false }) as LogSearch;
  const navigate = useNavigate();
  const change = useCallback(
    (changed: Partial<LogSearch>) =>
      void navigate({
        to: ".",
        search: ((before: LogSearch) => ({ ...before, ...changed })) as never,
        resetScroll: false,
      }),
    [navigate],
  );
  const key = JSON.stringify(filtersOf({ ...search, webhook_id: webhookId ?? search.webhook_id }));
  const filters = useMemo(() => JSON.parse(key) as Filters, [key]);

  /** All filters at once; those that are not named are dropped. */
  function setFilters(to: Filters) {
    const changed: Partial<LogSearch> = { cursor: undefined };
    for (const name of filterNames) Object.assign(changed, { [name]: to[name] });
    if (webhookId !== undefined) changed.webhook_id = undefined;
    change(changed);
  }
  return { search, filters, change, setFilters };
}

const READ_AGAIN_MIN_MS = 3_000;
/** Looking through deliveries costs the server more than a page of them. */
const LOOK_AGAIN_MIN_MS = 30_000;
const READ_AGAIN_MAX_MS = 60_000;

function useLog(filters: Filters, cursor: string | undefined, live: boolean) {
  return useQuery({
    queryKey: ["deliveries", filters, cursor ?? null],
    queryFn: () => readLog(filters, cursor, Date.now()),
    placeholderData: keepPreviousData,
    // Who comes back to the log wants what has come in between.
    staleTime: 0,
    // Countdowns that have run out should become what came of them. The tail tells by itself.
    refetchInterval: ({ state: { data } }) => {
      const due = (data?.data ?? []).flatMap(({ next_attempt_at }) =>
        next_attempt_at === null ? [] : [Date.parse(next_attempt_at) - Date.now()],
      );
      if (live || due.length === 0) return false;
      const least = data?.looked_through === null ? READ_AGAIN_MIN_MS : LOOK_AGAIN_MIN_MS;
      return Math.min(READ_AGAIN_MAX_MS, Math.max(least, Math.min(...due) + 1_000));
    },
  });
}

/** The live tail: its rows, and whether somebody is at the list, which holds it. */
function useTail(filters: Filters, live: boolean, reload: () => void) {
  const [rows, setRows] = useState<Delivery[]>([]);
  const [pointer, setPointer] = useState(false);
  const [focus, setFocus] = useState(false);
  const { webhook_id, event, status } = filters;
  const stream = useDeliveryStream({
    filter: { webhook_id, event, status },
    on: live,
    paused: pointer || focus,
    // The stream filters by less than the list does.
    onRows: (came) => {
      const wanted = came.filter((delivery) => matches(delivery, filters, Date.now()));
      if (wanted.length > 0) setRows((tail) => addToTail(tail, wanted));
    },
    onReset: () => {
      setRows([]);
      reload();
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are of the filters they came for.
  useEffect(() => setRows([]), [filters, live]);

  const watch = {
    onPointerEnter: () => setPointer(true),
    onPointerLeave: () => setPointer(false),
    onFocus: () => setFocus(true),
    onBlur: (event: FocusEvent<HTMLElement>) => {
      if (!event.currentTarget.contains(event.relatedTarget)) setFocus(false);
    },
  };
  function release() {
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    setPointer(false);
    setFocus(false);
  }
  return { ...stream, rows, watch, release };
}

function TailControl(props: {
  live: boolean;
  tail: ReturnType<typeof useTail>;
  onToggle: () => void;
}) {
  const { live, tail, onToggle } = props;
  const { state, error, waiting, skipped, forgetSkipped, release } = tail;
  return (
    <Group gap="xs">
      <Button
        variant={live ? "light" : "default"}
        color="teal"
        leftSection={
          state === "live" ? (
            <span className={classes.pulse} aria-hidden="true" />
          ) : state === "connecting" || state === "reconnecting" ? (
            <Loader size={14} color="teal" aria-hidden="true" />
          ) : (
            <IconBroadcast size={16} />
          )
        }
        aria-pressed={live}
        onClick={onToggle}
      >
        Live tail
      </Button>
      {live && error === null && (
        <Text c="dimmed" size="sm" role="status">
          {stateWords[state]}
        </Text>
      )}
      {live && error !== null && (
        <Text size="sm" c="var(--ph-bad)" role="alert">
          The live tail stopped. {sentence(error)}
        </Text>
      )}
      {live && state === "paused" && waiting > 0 && (
        <Button size="compact-sm" variant="light" onClick={release}>
          {formatCount(waiting)} new
        </Button>
      )}
      {live && skipped > 0 && (
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          c="dimmed"
          onClick={forgetSkipped}
          title="More came than can be read; they are in the list when it is loaded again"
        >
          +{formatCount(skipped)} not shown
        </Button>
      )}
    </Group>
  );
}

const stateWords = {
  off: "",
  connecting: "Connecting…",
  live: "New deliveries appear at the top",
  reconnecting: "Connecting again…",
  paused: "Held while you are in the list",
};

function PageNote({ page, shown }: { page: LogPage | undefined; shown: number | undefined }) {
  if (page === undefined || shown === undefined || shown === 0) return null;
  const deliveries = `${formatCount(shown)} ${shown === 1 ? "delivery" : "deliveries"}`;
  return page.looked_through === null
    ? `${deliveries} on this page, newest first`
    : `${deliveries} among the ${formatCount(page.looked_through)} that were looked through`;
}

function noMatch(page: LogPage | undefined): string {
  if (!page?.next_cursor) {
    return "Nothing fits all of the filters. Widen the time, or drop one of them.";
  }
  const among =
    page.looked_through === null ? "those" : `the ${formatCount(page.looked_through)} deliveries`;
  return `None among ${among} that were looked through. “Next” looks through older ones.`;
}
