// Where a delivery stands, in a badge and a countdown; and its attempts as dots.
import { Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Delivery, OutboundWebhook } from "../../api/client";
import { isOutbound, webhooksQuery } from "../../api/queries";
import { StatusBadge } from "../../components/StatusBadge";
import { useNow } from "../../components/TimeText";
import { formatDuration } from "../../format";
import classes from "./DeliveryState.module.css";

/** Webhooks that send by their ids, as far as they have been read. */
export function useWebhooksById(): ReadonlyMap<string, OutboundWebhook> {
  const { data } = useQuery(webhooksQuery);
  return useMemo(
    () => new Map(data?.webhooks.filter(isOutbound).map((webhook) => [webhook.id, webhook])),
    [data],
  );
}

interface Props {
  delivery: Delivery;
  webhook: OutboundWebhook | undefined;
}

/** "Retrying 2 of 5 · next in 1 min 20 s". */
export function DeliveryState({ delivery, webhook }: Props) {
  const { status, attempt_count, next_attempt_at } = delivery;
  const tries = webhook?.retry_delays_s.length;
  const note =
    status === "retrying" && tries !== undefined && attempt_count <= tries
      ? `${attempt_count} of ${tries}`
      : undefined;
  return (
    <span className={classes.state}>
      <StatusBadge status={status} note={note} />
      {next_attempt_at !== null && (
        <Countdown at={next_attempt_at} paused={webhook?.status === "paused"} />
      )}
    </span>
  );
}

/** Until the next attempt, each second. */
export function Countdown({ at, paused }: { at: string; paused: boolean }) {
  const now = useNow(!paused);
  return <span className={classes.due}>{paused ? "webhook is paused" : dueWords(at, now)}</span>;
}

export function dueWords(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  return ms <= 0 ? "due now" : `next in ${formatDuration(Math.ceil(ms / 1_000) * 1_000)}`;
}

/** Schedules may have 20 tries, and people may add to them. */
const DOTS_MAX = 10;

/** ●●○○○: made, and to come. */
export function AttemptDots({ delivery, webhook }: Props) {
  const { attempt_count: made, next_attempt_at, status } = delivery;
  const tries = webhook?.retry_delays_s.length ?? made;
  const total = next_attempt_at === null ? made : Math.max(made, tries);
  const words =
    next_attempt_at === null || total === made
      ? `${made} ${made === 1 ? "attempt" : "attempts"}`
      : `${made} of ${total} attempts`;
  if (total > DOTS_MAX || total === 0) return <span className={classes.words}>{words}</span>;
  return (
    <Tooltip label={words}>
      <span className={classes.dots} role="img" aria-label={words}>
        {Array.from({ length: total }, (_, n) => {
          const last = n === made - 1;
          const look =
            n >= made ? "open" : last && status === "delivered" ? "ok" : last ? "last" : "before";
          // biome-ignore lint/suspicious/noArrayIndexKey: a dot is its place.
          return <span key={n} className={classes.dot} data-look={look} data-status={status} />;
        })}
      </span>
    </Tooltip>
  );
}
