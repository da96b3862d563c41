// View Endpoints of a webhook that receives: how often it was hit, and what came of it last.
import { Button, Card, Group, Skeleton, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { InboundWebhook } from "../../api/client";
import { readRequests } from "../../api/inbound";
import { ErrorState } from "../../components/ErrorState";
import { StatusBadge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatCount, formatShare } from "../../format";
import classes from "../webhook/WebhookPage.module.css";
import own from "./Inbound.module.css";
import { isRefused, refusal } from "./verdict";

const REFRESH_MS = 3_000;
const SHOWN = 5;

interface Props {
  webhook: InboundWebhook;
  onMapping: (requestId: string) => void;
}

export function InboundHealth({ webhook, onMapping }: Props) {
  const { data, error, refetch } = useQuery({
    queryKey: ["webhooks", webhook.id, "requests", "latest"],
    queryFn: async () => (await readRequests(webhook.id, undefined)).data,
    refetchInterval: REFRESH_MS,
  });
  const hits = data?.filter(({ replay_of }) => replay_of === null) ?? [];
  const refused = hits.filter(({ verdict }) => isRefused(verdict)).length;
  const broken = data?.find(({ verdict }) => verdict === "invalid");
  const last = data?.[0];
  return (
    <Card component="section" aria-label="Performance and delivery status">
      <Group justify="space-between" mb="md" wrap="nowrap" align="flex-start">
        <Title order={2}>Performance</Title>
        {webhook.status === "enabled" && data !== undefined && (
          <StatusBadge
            status={
              hits.length === 0
                ? "no_hits"
                : refused === 0
                  ? "ok"
                  : refused < hits.length / 2
                    ? "degraded"
                    : "failing"
            }
          />
        )}
      </Group>
      <dl className={classes.numbers}>
        <div>
          <dt>Hits, all time</dt>
          <dd>{formatCount(webhook.hits)}</dd>
        </div>
        <div>
          <dt>Taken lately</dt>
          <dd>{hits.length === 0 ? "—" : formatShare((hits.length - refused) / hits.length)}</dd>
        </div>
        <div>
          <dt>Last hit</dt>
          <dd className={classes.small}>
            <TimeText at={webhook.last_hit_at} never="Never" />
          </dd>
        </div>
      </dl>
      {data === undefined ? (
        error === null ? (
          <Skeleton height={140} mt="md" />
        ) : (
          <ErrorState
            error={error}
            title="The requests could not be loaded"
            onRetry={() => void refetch()}
          />
        )
      ) : (
        <>
          {data.length > 0 && (
            <>
              <Title order={3} mt="lg" mb={2}>
                Latest requests
              </Title>
              <ul className={own.latest}>
                {data.slice(0, SHOWN).map(({ id, verdict, received_at }) => (
                  <li key={id}>
                    <Link
                      to="/setup/webhooks/$id"
                      params={{ id: webhook.id }}
                      search={{ selected: id }}
                      resetScroll={false}
                      style={{ textDecoration: "none" }}
                    >
                      <StatusBadge status={verdict} />
                    </Link>
                    <Text span size="sm" c="dimmed">
                      <TimeText at={received_at} />
                    </Text>
                  </li>
                ))}
              </ul>
            </>
          )}
          {last !== undefined && isRefused(last.verdict) && (
            <div className={classes.lastError} style={{ marginTop: 12 }}>
              <Text size="sm" fw={600} inherit>
                The last request was refused
              </Text>
              {refusal(last)}
              {broken !== undefined && last.verdict === "invalid" && (
                <div>
                  <Button
                    size="compact-sm"
                    variant="default"
                    mt={8}
                    onClick={() => onMapping(broken.id)}
                  >
                    Fix the mapping
                  </Button>
                </div>
              )}
            </div>
          )}
        </>
      )}
    </Card>
  );
}
