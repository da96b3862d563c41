// The eight charts. Each has its numbers in words in its head, and as a table behind a button.
import {
  Anchor,
  Card,
  SegmentedControl,
  SimpleGrid,
  Skeleton,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import { answer, client, type Delivery } from "../../api/client";
import { Scroll } from "../../components/Scroll";
import { type Series, TimeSeries } from "../../components/TimeSeries";
import { TimeText } from "../../components/TimeText";
import { formatCount, formatDuration, formatShare } from "../../format";
import classes from "./MetricsBoard.module.css";
import { type MessageCount, messagesOf } from "./messages";
import {
  busiest,
  errorRate,
  errorSeries,
  failedAttempts,
  failures,
  failureWords,
  formatChange,
  formatRate,
  lastedS,
  type Statistics,
  successShare,
  trend,
} from "./numbers";

interface Props {
  statistics: Statistics;
  before?: Statistics;
  webhookId?: string;
  zoom: (from: string, to: string) => void;
}

/** Above this share of failed attempts something is usually wrong with a receiver. */
const ERROR_RATE_HIGH = 0.05;

export function Charts({ statistics, before, webhookId, zoom }: Props) {
  const { buckets, totals } = statistics;
  const [logarithmic, setLogarithmic] = useState(false);
  const openLog = useOpenLog(statistics, webhookId);
  const at = useMemo(() => buckets.map((bucket) => bucket.at), [buckets]);

  const series = useMemo(() => {
    const { buckets, step } = statistics;
    type Value = number | null | undefined;
    const line = (label: string, colour: number, value: (n: number) => Value): Series => ({
      label,
      colour: `--ph-chart-${colour}`,
      values: buckets.map((_, n) => value(n) ?? null),
    });
    const of = <Key extends keyof (typeof buckets)[number]>(key: Key) => {
      return (n: number) => buckets[n]?.[key] as Value;
    };
    // A logarithm has no place for 0; times are whole milliseconds.
    const ms = (key: "p50_ms" | "p95_ms" | "p99_ms") => (n: number) => {
      const value = buckets[n]?.[key];
      return logarithmic && value === 0 ? 1 : value;
    };
    const average = [line("Average", 4, of("average_ms"))];
    if (before !== undefined) {
      average.push(line("Period before", 6, (n) => before.buckets[n]?.average_ms));
    }
    const lasted = lastedS(statistics);
    const perSecond = (count: number | undefined, n: number) => (count ?? 0) / (lasted[n] ?? step);
    return {
      outcomes: [line("Delivered", 1, of("delivered")), line("Failed", 2, of("failed"))],
      times: [
        line("p50", 4, ms("p50_ms")),
        line("p95", 3, ms("p95_ms")),
        line("p99", 2, ms("p99_ms")),
      ],
      errors: errorSeries(buckets),
      attempts: [
        line("First attempts", 4, (n) => (buckets[n]?.attempts ?? 0) - (buckets[n]?.retries ?? 0)),
        line("Retries", 5, of("retries")),
      ],
      average,
      peak: [line("Most attempts in one second", 3, of("peak_per_second"))],
      throughput: [
        line("Events in", 4, (n) => perSecond(buckets[n]?.events, n)),
        line("Attempts out", 1, (n) => perSecond(buckets[n]?.attempts, n)),
      ],
      errorRate: [line("Failed attempts", 2, (n) => buckets[n] && errorRate(buckets[n]))],
    };
  }, [statistics, before, logarithmic]);

  const success = successShare(totals);
  const change = trend(buckets);
  const peak = busiest(buckets);
  const rate = errorRate(totals);
  const chart = { at, onZoom: zoom, onPick: openLog };

  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <ChartCard
        title="Success and failure rate"
        figure={
          success === null ? (
            "No delivery has ended"
          ) : (
            <>
              <strong>{formatShare(success)}</strong> delivered,{" "}
              <strong>{formatShare(1 - success)}</strong> failed
            </>
          )
        }
      >
        {(label) => <TimeSeries {...chart} label={label} series={series.outcomes} kind="stacked" />}
      </ChartCard>

      <ChartCard
        title="Response times"
        figure={
          <SegmentedControl
            size="xs"
            aria-label="Scale of response times"
            value={logarithmic ? "logarithmic" : "linear"}
            onChange={(scale) => setLogarithmic(scale === "logarithmic")}
            data={[
              { value: "linear", label: "Linear" },
              { value: "logarithmic", label: "Logarithmic" },
            ]}
          />
        }
      >
        {(label) => (
          <TimeSeries
            {...chart}
            label={label}
            series={series.times}
            format={formatDuration}
            logarithmic={logarithmic && totals.attempts > 0}
          />
        )}
      </ChartCard>

      <ChartCard
        wide
        title="Error codes and messages"
        figure={
          <>
            <strong>{formatCount(failedAttempts(totals))}</strong> failed attempts
          </>
        }
      >
        {(label) => (
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <TimeSeries
              {...chart}
              label={label}
              series={series.errors}
              kind="stacked-bars"
              emptyText="No failed attempts in this range"
            />
            <Errors statistics={statistics} webhookId={webhookId} />
          </SimpleGrid>
        )}
      </ChartCard>

      <ChartCard
        title="Retry attempts"
        figure={
          totals.attempts === 0 ? (
            "No attempts"
          ) : (
            <>
              <strong>{formatCount(totals.retries)}</strong> retries,{" "}
              {formatShare(totals.retries / totals.attempts)} of all attempts
            </>
          )
        }
      >
        {(label) => (
          <TimeSeries {...chart} label={label} series={series.attempts} kind="stacked-bars" />
        )}
      </ChartCard>

      <ChartCard
        title="Average response time"
        figure={
          totals.average_ms == null ? (
            "No answers"
          ) : (
            <>
              <strong>{formatDuration(totals.average_ms)}</strong>
              {change !== null &&
                `, ${trendWord(change)} (${formatChange(change)} in the later half)`}
            </>
          )
        }
      >
        {(label) => (
          <TimeSeries {...chart} label={label} series={series.average} format={formatDuration} />
        )}
      </ChartCard>

      <ChartCard
        title="Peak load"
        figure={
          peak === null ? (
            "No attempts"
          ) : (
            <>
              Busiest second: <strong>{formatCount(peak.peak_per_second)}</strong> attempts,{" "}
              <TimeText at={peak.at} as="seconds" />
            </>
          )
        }
      >
        {(label) => <TimeSeries {...chart} label={label} series={series.peak} kind="bars" />}
      </ChartCard>

      <ChartCard
        title="Throughput"
        figure={
          <>
            <strong>{formatRate(totals.events / lengthS(statistics))}</strong> in,{" "}
            <strong>{formatRate(totals.attempts / lengthS(statistics))}</strong> out
          </>
        }
      >
        {(label) => (
          <TimeSeries {...chart} label={label} series={series.throughput} format={formatRate} />
        )}
      </ChartCard>

      <ChartCard
        wide
        title="Error rate trend"
        figure={
          rate === null ? (
            "No attempts"
          ) : (
            <>
              <strong>{formatShare(rate)}</strong> of attempts failed; the dashed line is at{" "}
              {formatShare(ERROR_RATE_HIGH)}
            </>
          )
        }
      >
        {(label) => (
          <TimeSeries
            {...chart}
            label={label}
            series={series.errorRate}
            format={formatShare}
            threshold={ERROR_RATE_HIGH}
            emptyText={rate === null ? undefined : "No failed attempts in this range"}
          />
        )}
      </ChartCard>
    </SimpleGrid>
  );
}

function lengthS({ from, to }: Statistics): number {
  return Math.max(1, (Date.parse(to) - Date.parse(from)) / 1_000);
}

function trendWord(change: number): string {
  if (Math.abs(change) < 0.05) return "steady";
  return change > 0 ? "rising" : "falling";
}

/** Opens the log with the deliveries of a bucket. */
function useOpenLog({ buckets, step }: Statistics, webhookId?: string) {
  const navigate = useNavigate();
  return (index: number) => {
    const since = buckets[index]?.at;
    if (since === undefined) return;
    const until = new Date(Date.parse(since) + step * 1_000).toISOString();
    void navigate({ to: "/deliveries", search: { webhook_id: webhookId, since, until } });
  };
}

function ChartCard(props: {
  title: string;
  /** Over both columns. */
  wide?: boolean;
  figure: ReactNode;
  children: (label: string) => ReactNode;
}) {
  const { title, wide, figure, children } = props;
  return (
    <Card className={wide ? classes.wide : undefined}>
      <div className={classes.head}>
        <Title order={2} size="h3">
          {title}
        </Title>
        <Text component="div" className={`tabular ${classes.figure}`}>
          {figure}
        </Text>
      </div>
      {children(title)}
    </Card>
  );
}

/** The most deliveries of each status whose messages are counted. */
const MESSAGES_FROM = 100;

async function failing(
  status: "failed" | "retrying",
  webhookId: string | undefined,
  since: string,
  until: string,
): Promise<Delivery[]> {
  const query = { status, webhook_id: webhookId, since, until, limit: MESSAGES_FROM };
  return (await answer(client.GET("/v1/deliveries", { params: { query } }))).data;
}

function Errors({ statistics, webhookId }: { statistics: Statistics; webhookId?: string }) {
  const { from, to, totals } = statistics;
  const kinds = Object.entries(failures(totals)).filter(([, n]) => n > 0);
  const failed = failedAttempts(totals);
  const { data: messages } = useQuery({
    queryKey: ["deliveries", { errors: true, webhookId, from, to }],
    queryFn: async () => {
      const lists = await Promise.all(
        (["failed", "retrying"] as const).map((status) => failing(status, webhookId, from, to)),
      );
      return messagesOf(lists.flat());
    },
    enabled: failed > 0,
    placeholderData: (previous) => previous,
  });

  if (failed === 0) {
    return (
      <Text c="dimmed" size="sm" ta="center" py={96}>
        No failed attempts in this range
      </Text>
    );
  }
  return (
    <Scroll label="Error codes and messages" style={{ maxHeight: 262 }}>
      <Table fz="sm" verticalSpacing={6} className={classes.messages}>
        <caption className="visually-hidden">Failed attempts by code or kind of error</caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>What went wrong</Table.Th>
            <Table.Th ta="right">Attempts</Table.Th>
            <Table.Th ta="right">Share</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {kinds
            .toSorted(([, a], [, b]) => b - a)
            .map(([kind, n]) => (
              <Table.Tr key={kind}>
                <Table.Td>
                  <Text span fw={600} size="sm">
                    {kind}
                  </Text>{" "}
                  <Text span c="dimmed" size="sm">
                    {failureWords[kind]}
                  </Text>
                </Table.Td>
                <Table.Td ta="right" className="tabular">
                  {formatCount(n)}
                </Table.Td>
                <Table.Td ta="right" className="tabular">
                  {formatShare(n / failed)}
                </Table.Td>
              </Table.Tr>
            ))}
        </Table.Tbody>
      </Table>
      <Messages messages={messages} statistics={statistics} webhookId={webhookId} />
    </Scroll>
  );
}

function Messages(props: {
  messages: MessageCount[] | undefined;
  statistics: Statistics;
  webhookId?: string;
}) {
  const { messages, statistics, webhookId } = props;
  if (messages === undefined) return <Skeleton height={60} mt="sm" />;
  if (messages.length === 0) return null;
  return (
    <Table fz="sm" verticalSpacing={6} mt="sm" className={classes.messages}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Message of the newest failures</Table.Th>
          <Table.Th ta="right">Deliveries</Table.Th>
          <Table.Th ta="right">Last</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {messages.map(({ message, statusCode, status, count, last }) => (
          <Table.Tr key={`${statusCode} ${message}`}>
            <Table.Td className={classes.message}>
              <Anchor
                component={Link}
                to="/deliveries"
                search={
                  {
                    webhook_id: webhookId,
                    since: statistics.from,
                    until: statistics.to,
                    ...(statusCode === null ? { status } : { status_code: String(statusCode) }),
                  } as never
                }
                size="sm"
              >
                {message}
              </Anchor>
            </Table.Td>
            <Table.Td ta="right" className="tabular">
              {formatCount(count)}
            </Table.Td>
            <Table.Td ta="right">
              <TimeText at={last} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
