// Who changed what about this webhook: its part of the audit log.
import { Button, Card, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconHistory, IconLock } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { type AuditEntry, answer, client } from "../../api/client";
import { useMay } from "../../api/session";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { TimeText } from "../../components/TimeText";
import classes from "./WebhookPage.module.css";

const words: Partial<Record<AuditEntry["action"], string>> = {
  "webhook.created": "added the webhook",
  "webhook.updated": "changed the settings",
  "webhook.paused": "paused it",
  "webhook.resumed": "resumed it",
  "webhook.deleted": "deleted it",
  "webhook.token_rotated": "rotated its URLs",
  "webhook.secret_rotated": "rotated the signing secret",
  "webhook.secret_shown": "saw the signing secret",
};

export function Activity({ webhookId }: { webhookId: string }) {
  const mayManage = useMay("manage");
  const log = useInfiniteQuery({
    queryKey: ["audit-log", { target: webhookId, activity: true }],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET("/v1/audit-log", {
          params: { query: { target: webhookId, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    enabled: mayManage,
  });
  if (!mayManage) {
    return (
      <Card>
        <EmptyState
          icon={IconLock}
          title="Only owners see who changed what"
          text="The audit log names people and where they were. Ask an owner."
        />
      </Card>
    );
  }
  if (log.data === undefined) {
    return log.error === null ? (
      <Skeleton height={220} radius="md" />
    ) : (
      <Card>
        <ErrorState
          error={log.error}
          title="The activity could not be loaded"
          onRetry={() => void log.refetch()}
        />
      </Card>
    );
  }
  const entries = log.data.pages.flatMap(({ data }) => data);
  if (entries.length === 0) {
    return (
      <Card>
        <EmptyState
          icon={IconHistory}
          title="Nothing was changed yet"
          text="Changes of settings, pauses, and each look at the secret appear here."
        />
      </Card>
    );
  }
  return (
    <Stack gap="md">
      <Card p={0}>
        <ol className={classes.entries}>
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ol>
      </Card>
      {log.hasNextPage && (
        <Group justify="center">
          <Button
            variant="default"
            loading={log.isFetchingNextPage}
            onClick={() => void log.fetchNextPage()}
          >
            Show older
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Entry({ entry: { at, actor, action, changes, remote_address } }: { entry: AuditEntry }) {
  return (
    <li className={classes.entry}>
      <Text>
        <b>{actor.name}</b> {words[action] ?? action}
        {remote_address !== null && (
          <Text span size="sm" c="dimmed">
            {" "}
            from {remote_address}
          </Text>
        )}
      </Text>
      <Text size="sm" c="dimmed">
        <TimeText at={at} />
      </Text>
      {changes.length > 0 && (
        <ul className={classes.changes}>
          {changes.map(({ field, before, after }) => (
            <li key={field}>
              <span className="mono">{field}</span>{" "}
              {before !== null && (
                <>
                  <del className="mono">{written(before)}</del> →{" "}
                </>
              )}
              <ins className="mono">{written(after)}</ins>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function written(value: unknown): string {
  if (value === null || value === undefined || value === "") return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}
