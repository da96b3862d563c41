// Sends a test event to a webhook and shows what became of it, in the same box.
import {
  Alert,
  Anchor,
  Button,
  Card,
  Group,
  List,
  Select,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  Textarea,
  Title,
} from "@mantine/core";
import { useClipboard, useDebouncedValue } from "@mantine/hooks";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconPlayerPause,
  IconRestore,
  IconSend,
  IconTerminal2,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { type KeyboardEvent, useMemo, useState } from "react";
import { answer, client, type EventType, type OutboundWebhook, sentence } from "../../api/client";
import { eventTypesQuery, isOutbound, webhookQuery } from "../../api/queries";
import { useMay } from "../../api/session";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { firstSentence } from "../../format";
import { asCurl, choices, faultsOf, parseData, sampleText } from "./payload";
import { TestResult } from "./TestResult";
import classes from "./TestSender.module.css";

export function TestSender({ webhookId }: { webhookId: string }) {
  const webhook = useQuery(webhookQuery(webhookId));
  const types = useQuery(eventTypesQuery);
  const error = webhook.error ?? types.error;

  if (webhook.data && isOutbound(webhook.data) && types.data !== undefined) {
    return <Sender webhook={webhook.data} types={types.data} key={webhookId} />;
  }
  if (error !== null) {
    return (
      <Card>
        <ErrorState
          error={error}
          onRetry={() => {
            void webhook.refetch();
            void types.refetch();
          }}
        />
      </Card>
    );
  }
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Skeleton height={420} radius="md" />
      <Skeleton height={420} radius="md" />
    </SimpleGrid>
  );
}

function Sender({ webhook, types }: { webhook: OutboundWebhook; types: EventType[] }) {
  const { event: asked } = useSearch({ strict: false });
  const { known, others } = useMemo(() => choices(webhook.events, types), [webhook.events, types]);
  const names = [...known.map(({ name }) => name), ...others];
  const [event, setEvent] = useState(asked && names.includes(asked) ? asked : (names[0] ?? ""));
  const type = types.find(({ name }) => name === event);
  // What was edited, by event type, so that looking at another one loses nothing.
  const [drafts, setDrafts] = useState<Record<string, string>>({});
  const sample = sampleText(type);
  const text = drafts[event] ?? sample;
  const parsed = useMemo(() => parseData(text), [text]);
  const faults = useFaults(type, parsed);
  const mayWrite = useMay("write");
  const queries = useQueryClient();
  const send = useMutation({
    mutationFn: (data: Record<string, unknown>) =>
      answer(
        client.POST("/v1/webhooks/{id}/test", {
          params: { path: { id: webhook.id } },
          // Any object at all, which the description of the API cannot say.
          body: { event, data: data as never },
        }),
      ),
    onSettled: () => queries.invalidateQueries({ queryKey: ["deliveries"] }),
  });
  const clipboard = useClipboard({ timeout: 1_500 });

  const stopped = webhook.status !== "enabled";
  const ready = parsed.ok && mayWrite && !stopped && !send.isPending;
  function trySend() {
    if (parsed.ok && ready) send.mutate(parsed.data);
  }
  function onKeyDown(key: KeyboardEvent) {
    if (key.key === "Enter" && (key.ctrlKey || key.metaKey)) {
      key.preventDefault();
      trySend();
    }
  }

  if (names.length === 0) {
    return (
      <Card>
        <EmptyState
          title="No event type to send"
          text="Nothing in the catalogue matches what this webhook listens to."
        />
      </Card>
    );
  }
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" className={classes.halves}>
      <Card component="section" aria-label="Test event" onKeyDown={onKeyDown}>
        <Stack gap="md">
          <Title order={2}>Test event</Title>
          <Select
            label="Event type"
            description={type?.triggered ? firstSentence(type.triggered) : undefined}
            data={grouped(known, others)}
            value={event}
            onChange={(name) => name !== null && setEvent(name)}
            allowDeselect={false}
            searchable
            nothingFoundMessage="This webhook listens to no such event type"
          />
          <Textarea
            label="Data"
            aria-describedby="test-data-verdict"
            value={text}
            onChange={({ currentTarget }) => setDrafts({ ...drafts, [event]: currentTarget.value })}
            error={!parsed.ok}
            autosize
            minRows={8}
            maxRows={22}
            spellCheck={false}
            autoComplete="off"
            classNames={{ input: classes.editor }}
          />
          <div id="test-data-verdict" aria-live="polite">
            <Verdict parsed={parsed} faults={faults} hasSchema={type?.schema != null} />
          </div>
          {stopped && (
            <Alert
              color="gray"
              icon={<IconPlayerPause size={18} />}
              title={`It is ${webhook.status}`}
            >
              Tests are sent to enabled webhooks only. Enable it first, then send.
            </Alert>
          )}
          {!mayWrite && <Alert color="gray">Your role may look, but not send test events.</Alert>}
          <Group gap="xs">
            <Button
              leftSection={<IconSend size={16} />}
              onClick={trySend}
              disabled={!parsed.ok || !mayWrite || stopped}
              loading={send.isPending}
            >
              Send
            </Button>
            <Button
              variant="default"
              leftSection={<IconRestore size={16} />}
              disabled={text === sample}
              onClick={() => setDrafts({ ...drafts, [event]: sample })}
            >
              Reset to sample
            </Button>
            <Button
              variant="default"
              leftSection={<IconTerminal2 size={16} />}
              disabled={!parsed.ok}
              onClick={() => {
                if (!parsed.ok) return;
                const url = `${location.origin}/v1/webhooks/${webhook.id}/test`;
                clipboard.copy(asCurl(url, { event, data: parsed.data }));
              }}
            >
              <span aria-live="polite">{clipboard.copied ? "Copied" : "Copy as curl"}</span>
            </Button>
          </Group>
          <Text size="sm" c="dimmed">
            A test is signed like any delivery, sent once, carries{" "}
            <span className="mono">x-webhook-test: true</span> and counts in no metric.{" "}
            {type && (
              <Anchor
                component={Link}
                to="/setup/event-types/$name"
                params={{ name: type.name } as never}
                inherit
                underline="always"
              >
                About this event type
              </Anchor>
            )}
          </Text>
        </Stack>
      </Card>
      <Card component="section" aria-label="Answer" aria-live="polite" aria-busy={send.isPending}>
        {send.isPending ? (
          <Stack gap="sm">
            <Title order={2}>Waiting for {hostOf(webhook.url)}</Title>
            <Skeleton height={24} width="40%" />
            <Skeleton height={12} width="70%" />
            <Skeleton height={160} />
          </Stack>
        ) : send.error !== null ? (
          <ErrorState error={send.error} title="The test was not sent" onRetry={trySend} />
        ) : send.data === undefined ? (
          <EmptyState
            icon={IconSend}
            title="What your server answers comes here"
            text={
              <>
                Posts to <span className="mono">{webhook.url}</span>. Ctrl Enter sends.
              </>
            }
          />
        ) : (
          <TestResult delivery={send.data} />
        )}
      </Card>
    </SimpleGrid>
  );
}

function grouped(known: EventType[], others: string[]) {
  const groups = new Map<string, { value: string; label: string }[]>();
  const add = (group: string, item: { value: string; label: string }) =>
    groups.set(group, [...(groups.get(group) ?? []), item]);
  for (const { group, name, title } of known) {
    add(group, { value: name, label: title === name ? name : `${title} (${name})` });
  }
  for (const name of others) add("Not in the catalogue", { value: name, label: name });
  return [...groups].map(([group, items]) => ({ group, items }));
}

/** Checks against the schema once typing has paused. */
function useFaults(type: EventType | undefined, parsed: ReturnType<typeof parseData>) {
  const [settled] = useDebouncedValue(parsed, 150);
  const schema = type?.schema ?? null;
  return useQuery({
    queryKey: ["faults", type?.name, schema, settled.ok ? settled.data : null],
    queryFn: () => (schema !== null && settled.ok ? faultsOf(schema, settled.data) : []),
    enabled: schema !== null && settled.ok,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (before) => before,
  }).data;
}

function Verdict(props: {
  parsed: ReturnType<typeof parseData>;
  faults: Awaited<ReturnType<typeof faultsOf>> | undefined;
  hasSchema: boolean;
}) {
  const { parsed, faults, hasSchema } = props;
  if (!parsed.ok) {
    return (
      <Alert color="red" icon={<IconAlertTriangle size={18} />}>
        {sentence(parsed.message)}
      </Alert>
    );
  }
  if (!hasSchema) {
    return (
      <Text size="sm" c="dimmed">
        This event type has no schema; any object will do.
      </Text>
    );
  }
  if (faults === undefined) return null;
  if (faults.length === 0) {
    return (
      <Group gap={6} c="var(--ph-ok)" wrap="nowrap">
        <IconCircleCheck size={16} aria-hidden="true" />
        <Text size="sm">Fits the schema</Text>
      </Group>
    );
  }
  return (
    <Alert
      color="yellow"
      icon={<IconAlertTriangle size={18} />}
      title="Does not fit the schema; it can be sent all the same"
    >
      <List size="sm" spacing={2}>
        {faults.map(({ at, message }) => (
          <List.Item key={`${at} ${message}`}>
            {at !== "" && <span className="mono">{at}: </span>}
            {sentence(message)}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return "the answer";
  }
}
