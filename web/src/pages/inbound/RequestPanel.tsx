// One request to the webhook, whole: what became of it and why, its headers and body. All of it
// came from elsewhere and is shown as text.
import { Anchor, Button, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconArrowsShuffle, IconRotateClockwise } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { InboundRequest, InboundWebhook } from "../../api/client";
import { replayRequest, requestQuery } from "../../api/inbound";
import { useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { ErrorState } from "../../components/ErrorState";
import { JsonView } from "../../components/JsonView";
import { SidePanel } from "../../components/SidePanel";
import { StatusBadge, statusWord } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import attempt from "../delivery/AttemptView.module.css";
import own from "./Inbound.module.css";
import { operationName } from "./InboundFacts";
import { isRefused, refusal } from "./verdict";

interface Props {
  webhook: InboundWebhook;
  id: string;
  onClose: () => void;
  onReplayed: (request: InboundRequest) => void;
  onMapping: () => void;
}

/** Sends a request that is kept through the webhook again, as it is set up now. */
export function useReplay(webhookId: string, onReplayed: (request: InboundRequest) => void) {
  return useAction<string, InboundRequest>({
    run: (id) => replayRequest(webhookId, id),
    invalidates: [["webhooks"], ["contacts"], ["powerlists"]],
    done: ({ verdict }) => `Replayed: ${statusWord(verdict).toLowerCase()}`,
    failed: "Could not replay the request",
    onDone: onReplayed,
  });
}

export function RequestPanel({ webhook, id, onClose, onReplayed, onMapping }: Props) {
  const { data: request, error, refetch } = useQuery(requestQuery(webhook.id, id));
  const mayWrite = useMay("write");
  const replay = useReplay(webhook.id, onReplayed);
  return (
    <SidePanel
      label="Request"
      title={request === undefined ? "Request" : operationName(request.event)}
      id={id}
      onClose={onClose}
      head={
        request !== undefined && (
          <Stack gap="sm" mt="xs">
            <Group gap="xs">
              <StatusBadge status={request.verdict} />
              {request.replay_of !== null && (
                <Text size="sm" c="dimmed">
                  a replay of <span className="mono">{request.replay_of}</span>
                </Text>
              )}
            </Group>
            <Group gap="xs">
              {mayWrite && (
                <Button
                  size="xs"
                  variant="default"
                  leftSection={<IconRotateClockwise size={14} />}
                  loading={replay.isPending}
                  onClick={() => replay.mutate(id)}
                >
                  Replay
                </Button>
              )}
              <Button
                size="xs"
                variant="default"
                leftSection={<IconArrowsShuffle size={14} />}
                onClick={onMapping}
              >
                {request.verdict === "invalid" ? "Fix the mapping" : "Open in the mapping"}
              </Button>
            </Group>
          </Stack>
        )
      }
    >
      {request !== undefined ? (
        <View request={request} />
      ) : error === null ? (
        <Skeleton height={300} />
      ) : (
        <ErrorState
          error={error}
          title="The request could not be loaded"
          onRetry={() => void refetch()}
        />
      )}
    </SidePanel>
  );
}

function View({ request }: { request: InboundRequest }) {
  const { errors, contact_id, query, headers = {}, body, content_type } = request;
  return (
    <Stack gap="md">
      {isRefused(request.verdict) && (
        <ul className={own.errors} aria-label="What is wrong">
          {errors.length === 0 ? (
            <li>{refusal(request)}</li>
          ) : (
            errors.map(({ pointer, message }) => (
              <li key={`${pointer} ${message}`}>
                <b className="mono">{pointer.replace(/^\//, "") || "The request"}</b> {message}
              </li>
            ))
          )}
        </ul>
      )}
      <dl className={attempt.facts}>
        <dt>Received</dt>
        <dd>
          <TimeText at={request.received_at} as="seconds" />
        </dd>
        <dt>From</dt>
        <dd className="mono">{request.remote_address ?? "—"}</dd>
        <dt>Content type</dt>
        <dd className="mono">{content_type ?? "—"}</dd>
        {contact_id !== null && (
          <>
            <dt>Contact</dt>
            <dd>
              <Anchor
                component={Link}
                to="/contacts/$id"
                params={{ id: contact_id } as never}
                className="mono"
              >
                {contact_id}
              </Anchor>
            </dd>
          </>
        )}
      </dl>
      {query !== "" && (
        <Part title="Query">
          <JsonView value={query} label="query" />
        </Part>
      )}
      <Part title="Body">
        {!body ? <Text c="dimmed">Empty.</Text> : <JsonView value={body} label="request body" />}
      </Part>
      <Part title="Headers">
        <table className={attempt.headers} aria-label="Request headers">
          <tbody>
            {Object.entries(headers).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Part>
    </Stack>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <Title order={3} mb={6}>
        {title}
      </Title>
      {children}
    </div>
  );
}
