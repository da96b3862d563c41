// The numbers of all webhooks or of one, over a range: a summary, and eight charts.
import {
  ActionIcon,
  Alert,
  Anchor,
  Button,
  Card,
  Group,
  SegmentedControl,
  SimpleGrid,
  Skeleton,
  Stack,
  Switch,
  Text,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { IconRefresh, IconZoomOut } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import dayjs from "dayjs";
import type { ReactNode } from "react";
import { answer, client } from "../../api/client";
import { ErrorState } from "../../components/ErrorState";
import { TimeText } from "../../components/TimeText";
import { formatCompact, formatCount, formatDuration, formatShare } from "../../format";
import { Charts } from "./Charts";
import classes from "./MetricsBoard.module.css";
import {
  errorRate,
  formatChange,
  formatRate,
  type Numbers,
  periodBefore,
  type Statistics,
  stepFor,
  successShare,
} from "./numbers";
import { type Range, type RangeState, useRange } from "./range";

/** How often a range that ends now is read again; longer ones hardly change while one looks. */
const refreshMs: Partial<Record<Range, number>> = { "1h": 10_000, "24h": 30_000 };

async function statistics(webhookId: string | undefined, from: string, to: string) {
  const step = stepFor(Date.parse(to) - Date.parse(from));
  const query = { webhook_id: webhookId, from, to, step };
  return await answer(client.GET("/v1/stats", { params: { query } }));
}

/** The charts of all webhooks, or of one. */
export function MetricsBoard({ webhookId }: { webhookId?: string }) {
  const state = useRange();
  const { range, from, to, compare, limits } = state;
  const shown = { webhookId, range, from, to };
  const now = useQuery({
    queryKey: ["stats", shown],
    queryFn: () => {
      const asked = limits();
      return statistics(webhookId, asked.from, asked.to);
    },
    refetchInterval: refreshMs[range] ?? false,
    placeholderData: keepPreviousData,
  });
  const before = useQuery({
    queryKey: ["stats", { ...shown, before: true }],
    queryFn: () => {
      const asked = limits();
      const period = periodBefore(asked.from, asked.to);
      return statistics(webhookId, period.from, period.to);
    },
    enabled: compare,
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });

  return (
    <Stack gap="md">
      <Controls
        state={state}
        updatedAt={now.dataUpdatedAt}
        busy={now.isFetching}
        refresh={() => void now.refetch()}
      />
      {now.data === undefined ? (
        now.error === null ? (
          <Loading />
        ) : (
          <Card>
            <ErrorState
              error={now.error}
              title="The metrics could not be loaded"
              onRetry={() => void now.refetch()}
            />
          </Card>
        )
      ) : (
        <Board
          statistics={now.data}
          before={compare ? before.data : undefined}
          stale={now.isPlaceholderData}
          webhookId={webhookId}
          state={state}
        />
      )}
    </Stack>
  );
}

function Controls(props: {
  state: RangeState;
  updatedAt: number;
  busy: boolean;
  refresh: () => void;
}) {
  const { state, updatedAt, busy, refresh } = props;
  const interval = refreshMs[state.range];
  return (
    <Group justify="space-between" gap="sm">
      <Group gap="sm">
        <SegmentedControl
          aria-label="Range"
          value={state.range}
          onChange={(range) => state.choose(range as Range)}
          data={[
            { value: "1h", label: "1 h" },
            { value: "24h", label: "24 h" },
            { value: "7d", label: "7 d" },
            { value: "30d", label: "30 d" },
            { value: "custom", label: "Custom" },
          ]}
        />
        {state.range === "custom" && (
          <>
            <Moment label="From" at={state.from} set={(at) => state.zoom(at, state.to ?? at)} />
            <Moment label="To" at={state.to} set={(at) => state.zoom(state.from ?? at, at)} />
            <Button
              variant="default"
              leftSection={<IconZoomOut size={16} />}
              onClick={() => state.choose("24h")}
            >
              Back to 24 h
            </Button>
          </>
        )}
      </Group>
      <Group gap="sm">
        <Switch
          size="sm"
          label="Compare with the period before"
          checked={state.compare}
          onChange={(event) => state.setCompare(event.currentTarget.checked)}
        />
        <Group gap={4} wrap="nowrap">
          {updatedAt > 0 && (
            <Text size="sm" c="dimmed">
              Updated <TimeText at={new Date(updatedAt).toISOString()} />
            </Text>
          )}
          <Tooltip label={interval ? `Refresh (by itself every ${interval / 1_000} s)` : "Refresh"}>
            <ActionIcon
              variant="subtle"
              color="gray"
              c="dimmed"
              size={30}
              aria-label="Refresh the metrics"
              loading={busy && updatedAt === 0}
              onClick={refresh}
            >
              <IconRefresh size={16} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
    </Group>
  );
}

/** The browser's own field for a moment: it knows the reader's calendar and keyboard. */
function Moment(props: { label: string; at?: string; set: (at: string) => void }) {
  const { label, at, set } = props;
  return (
    <TextInput
      type="datetime-local"
      aria-label={label}
      leftSection={<Text size="xs">{label}</Text>}
      leftSectionWidth={46}
      leftSectionPointerEvents="none"
      key={at}
      defaultValue={at === undefined ? "" : dayjs(at).format("YYYY-MM-DDTHH:mm")}
      onBlur={(event) => {
        const moment = dayjs(event.currentTarget.value);
        if (moment.isValid() && !moment.isSame(dayjs(at), "minute")) set(moment.toISOString());
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
      }}
    />
  );
}

function Board(props: {
  statistics: Statistics;
  before?: Statistics;
  stale: boolean;
  webhookId?: string;
  state: RangeState;
}) {
  const { statistics, before, stale, webhookId, state } = props;
  const nothing = statistics.totals.attempts === 0 && statistics.totals.events === 0;
  const wider = state.range === "1h" ? "24h" : state.range === "24h" ? "7d" : "30d";
  return (
    <Stack gap="md" className={classes.board} data-stale={stale || undefined}>
      {nothing && (
        <Alert color="gray" variant="outline" title="No deliveries in this range">
          <Group gap="md">
            {state.range !== "30d" && (
              <Anchor component="button" type="button" onClick={() => state.choose(wider)}>
                Show the last {wider.replace(/(\d+)/, "$1 ")}
              </Anchor>
            )}
            {webhookId === undefined && (
              <Anchor component={Link} to="/setup/webhooks">
                Choose a webhook to send a test to
              </Anchor>
            )}
          </Group>
        </Alert>
      )}
      <Summary statistics={statistics} before={before?.totals} />
      <Charts statistics={statistics} before={before} webhookId={webhookId} zoom={state.zoom} />
    </Stack>
  );
}

function Summary({ statistics, before }: { statistics: Statistics; before?: Numbers }) {
  const { totals, from, to } = statistics;
  const seconds = (Date.parse(to) - Date.parse(from)) / 1_000;
  const ms = (value: number | null | undefined) => (value == null ? "—" : formatDuration(value));
  const share = (value: number | null) => (value === null ? "—" : formatShare(value));
  const facts = [
    ["Events", formatCount(totals.events), totals.events, before?.events, "plain"],
    [
      "Delivered",
      share(successShare(totals)),
      successShare(totals),
      before && successShare(before),
      "up",
    ],
    ["Failed", formatCount(totals.failed), totals.failed, before?.failed, "down"],
    ["Retries", formatCount(totals.retries), totals.retries, before?.retries, "down"],
    ["Average", ms(totals.average_ms), totals.average_ms, before?.average_ms, "down"],
    ["p95", ms(totals.p95_ms), totals.p95_ms, before?.p95_ms, "down"],
    [
      "Error rate",
      share(errorRate(totals)),
      errorRate(totals),
      before && errorRate(before),
      "down",
    ],
    [
      "Throughput",
      formatRate(totals.attempts / seconds),
      totals.attempts,
      before?.attempts,
      "plain",
    ],
  ] as const;
  return (
    <Card p={0}>
      <dl className={classes.summary}>
        {facts.map(([name, text, value, was, better]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="tabular">
              {text}
              {before !== undefined && <Change value={value} was={was} better={better} />}
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Change(props: {
  value: number | null | undefined;
  was: number | null | undefined;
  better: "up" | "down" | "plain";
}) {
  const { value, was, better } = props;
  if (value == null || value === was) return null;
  if (was == null || was === 0) {
    return (
      <span className={classes.change} title="There is nothing to compare with">
        new
      </span>
    );
  }
  const change = value / was - 1;
  const good = better === "plain" || change === 0 ? undefined : change > 0 === (better === "up");
  return (
    <span className={classes.change} data-good={good} title={`Before: ${formatCompact(was)}`}>
      {formatChange(change)}
    </span>
  );
}

function Loading(): ReactNode {
  return (
    <>
      <span className="visually-hidden" role="status">
        Loading metrics
      </span>
      <Skeleton height={78} radius="md" />
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        {Array.from({ length: 4 }, (_, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same.
          <Skeleton key={n} height={320} radius="md" />
        ))}
      </SimpleGrid>
    </>
  );
}
