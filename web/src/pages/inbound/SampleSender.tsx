// Posts a sample contact to one of the webhook's URLs from this browser, as a CRM would.
import {
  Alert,
  Anchor,
  Button,
  Card,
  Group,
  SegmentedControl,
  Select,
  Stack,
  Text,
  Textarea,
  Title,
} from "@mantine/core";
import { IconInfoCircle, IconSend } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, type InboundEndpoint, type InboundWebhook, sentence } from "../../api/client";
import { verificationSecret } from "../../api/inbound";
import { useMay } from "../../api/session";
import { EmptyState } from "../../components/EmptyState";
import { JsonView } from "../../components/JsonView";
import { Badge } from "../../components/StatusBadge";
import { formatDuration } from "../../format";
import { schemeFacts } from "../webhook-form/inbound";
import own from "./Inbound.module.css";
import { operationName } from "./InboundFacts";
import { contentTypes } from "./PastedBody";
import { type BodyKind, sampleBody, sentBody, signatureHeaders } from "./sample";

interface Answer {
  status: number;
  body: string;
  ms: number;
}

export function SampleSender({ webhook }: { webhook: InboundWebhook }) {
  const mayWrite = useMay("write");
  if (!mayWrite) {
    return (
      <Card>
        <EmptyState
          title="You may look, not change"
          text="Only those who may change webhooks see their URLs whole, and can post to them from here."
        />
      </Card>
    );
  }
  return <Sender webhook={webhook} />;
}

function Sender({ webhook }: { webhook: InboundWebhook }) {
  const { endpoints, verification, mapping } = webhook;
  const [event, setEvent] = useState(endpoints[0]?.event ?? "contact");
  const endpoint = endpoints.find((each) => each.event === event) ?? endpoints[0];
  const [kind, setKind] = useState<BodyKind>("form");
  const [body, setBody] = useState(sampleBody({ event }, kind, mapping));
  const queries = useQueryClient();

  function choose(toEvent: string, toKind: BodyKind) {
    setEvent(toEvent);
    setKind(toKind);
    setBody(sampleBody({ event: toEvent }, toKind, mapping));
  }

  const send = useMutation<Answer, Error, InboundEndpoint>({
    mutationFn: async ({ path }) => {
      const sent = sentBody(body, kind);
      const signed =
        verification === null
          ? {}
          : await signatureHeaders(verification.scheme, await verificationSecret(webhook.id), sent);
      const start = performance.now();
      // By its path: this page is where the server is, whatever name others know it by.
      const response = await fetch(path, {
        method: "POST",
        credentials: "omit",
        headers: { "content-type": contentTypes[kind], ...signed },
        body: sent,
      }).catch(() => {
        throw ApiProblem.unreachable();
      });
      const text = await response.text();
      return { status: response.status, body: text, ms: performance.now() - start };
    },
    onSettled: () => {
      for (const key of ["webhooks", "contacts", "powerlists"]) {
        void queries.invalidateQueries({ queryKey: [key] });
      }
    },
  });
  const scheme = verification && schemeFacts(verification.scheme);
  const signs = verification?.scheme === "posthaste" || verification?.scheme === "github";

  return (
    <div className={own.columns}>
      <Card component="section" aria-label="Send a sample">
        <Stack gap="md">
          <div>
            <Title order={2}>Send a sample</Title>
            <Text size="sm" c="dimmed">
              Posts from this browser, as your CRM would. It is a real request: the contact goes to
              the powerlist and the hit counts.
            </Text>
          </div>
          {scheme && (
            <Alert color="blue" variant="light" icon={<IconInfoCircle />} p="xs">
              {signs
                ? `It is signed as ${scheme.label} does, with the webhook's secret.`
                : `Requests have to be signed as ${scheme.label} does, which this page cannot: expect 401.`}
            </Alert>
          )}
          <Group gap="sm" align="flex-end">
            {endpoints.length > 1 && (
              <Select
                label="Endpoint"
                w={190}
                data={endpoints.map((each) => ({
                  value: each.event,
                  label: operationName(each.event),
                }))}
                value={event}
                onChange={(to) => to !== null && choose(to, kind)}
                allowDeselect={false}
              />
            )}
            <SegmentedControl
              aria-label="Kind of body"
              value={kind}
              onChange={(to) => choose(event, to as BodyKind)}
              data={[
                { value: "form", label: "Form" },
                { value: "json", label: "JSON" },
              ]}
            />
          </Group>
          <Textarea
            label="Body"
            description={contentTypes[kind]}
            autosize
            minRows={6}
            maxRows={20}
            spellCheck={false}
            classNames={{ input: own.editor }}
            value={body}
            onChange={(changed) => setBody(changed.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button
              leftSection={<IconSend size={16} />}
              loading={send.isPending}
              disabled={endpoint === undefined}
              onClick={() => endpoint && send.mutate(endpoint)}
            >
              Send
            </Button>
          </Group>
        </Stack>
      </Card>
      <Card component="section" aria-label="Answer" aria-live="polite">
        <Stack gap="sm">
          <Title order={2}>Answer</Title>
          {send.data !== undefined ? (
            <>
              <Group gap="xs">
                <Badge tone={send.data.status < 300 ? "ok" : "bad"}>
                  {`${send.data.status} ${send.data.status < 300 ? "taken" : "refused"}`}
                </Badge>
                <Text size="sm" c="dimmed">
                  in {formatDuration(send.data.ms)}
                </Text>
              </Group>
              <JsonView value={send.data.body} label="answer" />
              <Text size="sm">
                <Anchor
                  component={Link}
                  to="/setup/powerlists/$id"
                  params={{ id: webhook.powerlist_id } as never}
                  inherit
                >
                  See the powerlist
                </Anchor>
              </Text>
            </>
          ) : send.error !== null ? (
            <Text c="var(--ph-bad)" role="alert">
              {sentence(send.error)}
            </Text>
          ) : (
            <Text c="dimmed">What the URL answers is shown here, as your CRM would get it.</Text>
          )}
        </Stack>
      </Card>
    </div>
  );
}
