// View Endpoints: performance and delivery status of each of a webhook's endpoints.
import { Card, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { answer, client, type Schemas, sentence, type Webhook } from "../../api/client";
import { ErrorState } from "../../components/ErrorState";
import { Sparkline } from "../../components/Sparkline";
import { StatusBadge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatCount, formatDuration, formatShare } from "../../format";
import { healthOf } from "./health";
import classes from "./WebhookPage.module.css";

const REFRESH_MS = 5_000;
const TREND_REFRESH_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

export function EndpointHealth({ webhook }: { webhook: Webhook }) {
  const { id } = webhook;
  const { data, error, refetch } = useQuery({
    queryKey: ["webhooks", id, "endpoints"],
    queryFn: async () =>
      (await answer(client.GET("/v1/webhooks/{id}/endpoints", { params: { path: { id } } }))).data,
    refetchInterval: REFRESH_MS,
  });
  if (data === undefined) {
    return (
      <Card component="section" aria-label="Performance and delivery status">
        {error === null ? (
          <Skeleton height={200} />
        ) : (
          <ErrorState
            error={error}
            title="The endpoints could not be loaded"
            onRetry={() => void refetch()}
          />
        )}
      </Card>
    );
  }
  return (
    <Stack gap="md">
      {data.map((endpoint) => (
        <Endpoint
          key={endpoint.url}
          webhook={webhook}
          endpoint={endpoint}
          named={data.length > 1}
        />
      ))}
    </Stack>
  );
}

function Endpoint(props: { webhook: Webhook; endpoint: Schemas["Endpoint"]; named: boolean }) {
  const { webhook, endpoint, named } = props;
  const { health } = endpoint;
  return (
    <Card component="section" aria-label={`Performance and delivery status of ${endpoint.url}`}>
      <Group justify="space-between" mb="md" wrap="nowrap" align="flex-start">
        <div>
          <Title order={2}>Performance</Title>
          <Text size="sm" c="dimmed">
            In the last 24 hours
          </Text>
        </div>
        {webhook.status === "enabled" && <StatusBadge status={healthOf(health)} />}
      </Group>
      {named && (
        <Text size="sm" mb="md" className={`mono ${classes.value}`}>
          {endpoint.method} {endpoint.url}
        </Text>
      )}
      <Stack gap="md">
        <dl className={classes.numbers}>
          <Figure name="Success rate">
            {health.success_rate === null ? "—" : formatShare(health.success_rate)}
          </Figure>
          <Figure name="Average">
            {health.average_ms === null ? "—" : formatDuration(health.average_ms)}
          </Figure>
          <Figure name="95 % within">
            {health.p95_ms === null ? "—" : formatDuration(health.p95_ms)}
          </Figure>
          <Figure name="Waiting">{formatCount(health.pending)}</Figure>
          <Figure name="Hits, all time">{formatCount(health.hits)}</Figure>
          <Figure name="Last hit" small>
            <TimeText at={health.last_hit_at} never="Never" />
          </Figure>
        </dl>
        <Trend webhookId={webhook.id} />
        {health.last_error !== null && (
          <div className={classes.lastError}>
            <Text size="sm" fw={600} inherit>
              Last error, <TimeText at={health.last_error.at} />
            </Text>
            {sentence(health.last_error.message)}
          </div>
        )}
      </Stack>
    </Card>
  );
}

function Figure({ name, small, children }: { name: string; small?: boolean; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={small ? classes.small : undefined}>{children}</dd>
    </div>
  );
}

/** Hits by the hour. */
function Trend({ webhookId }: { webhookId: string }) {
  const { data } = useQuery({
    queryKey: ["stats", { webhook_id: webhookId, trend: true }],
    queryFn: () => {
      const now = Date.now();
      const query = {
        webhook_id: webhookId,
        from: new Date(now - DAY_MS).toISOString(),
        to: new Date(now).toISOString(),
        step: 3_600,
      };
      return answer(client.GET("/v1/stats", { params: { query } }));
    },
    refetchInterval: TREND_REFRESH_MS,
    placeholderData: keepPreviousData,
  });
  if (data === undefined) return null;
  const values = data.buckets.map(({ attempts }) => attempts);
  const sum = values.reduce((a, b) => a + b, 0);
  if (sum === 0) return null;
  return (
    <div>
      <Text size="sm" c="dimmed" mb={4}>
        {formatCount(sum)} hits by the hour
      </Text>
      <Sparkline
        values={values}
        label={`Hits by the hour in the last 24 hours, ${formatCount(sum)} in all`}
        width={280}
        height={40}
      />
    </div>
  );
}
