import { Anchor, Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { sentence } from "../../api/client";
import { useWebhookTitles } from "../../api/queries";
import { IdCopy } from "../../components/IdCopy";
import { JsonView } from "../../components/JsonView";
import { Scroll } from "../../components/Scroll";
import { Badge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import classes from "./InboxPage.module.css";
import { headerOf, type InboxRequest } from "./requests";
import { verdictLook } from "./verdict";

interface Props {
  request: InboxRequest;
  onBack?: () => void;
  /** Somebody reads it. */
  onTouch?: () => void;
}

export function RequestDetail({ request, onBack, onTouch }: Props) {
  const eventId = headerOf(request, "webhook-id");
  const webhookId = webhookOf(request.body);
  const title = useWebhookTitles();
  const isTest = headerOf(request, "x-webhook-test") === "true";

  return (
    <Card
      component="article"
      aria-label={`Request ${request.number}`}
      onPointerDown={onTouch}
      onFocus={onTouch}
    >
      <Stack gap="lg">
        <div>
          {onBack && (
            <Button
              variant="subtle"
              color="gray"
              c="inherit"
              size="xs"
              mb="xs"
              leftSection={<IconArrowLeft size={16} />}
              onClick={onBack}
            >
              All requests
            </Button>
          )}
          <Group gap="sm" mb="sm">
            <Title order={2}>{headerOf(request, "x-webhook-event") ?? "Request"}</Title>
            {isTest && <Badge tone="accent">TEST</Badge>}
          </Group>
          <dl className={classes.facts}>
            <Fact name="Received">
              <TimeText at={request.at} as="seconds" />
            </Fact>
            <Fact name="Under">
              <span className="mono">{request.name}</span>
            </Fact>
            <Fact name="Answered">{request.answered}</Fact>
            <Fact name="Attempt">{headerOf(request, "x-webhook-attempt") ?? "—"}</Fact>
            {webhookId !== null && title(webhookId) !== undefined && (
              <Fact name="Webhook">
                <Anchor
                  component={Link}
                  to="/setup/webhooks/$id"
                  params={{ id: webhookId } as never}
                >
                  {title(webhookId)}
                </Anchor>
              </Fact>
            )}
            {eventId !== undefined && (
              <Fact name="Event">
                {isTest ? (
                  <IdCopy id={eventId} what="event id" />
                ) : (
                  <Anchor component={Link} to="/events/$id" params={{ id: eventId } as never}>
                    <span className="mono">{eventId}</span>
                  </Anchor>
                )}
              </Fact>
            )}
          </dl>
        </div>

        <Signatures request={request} />

        <section>
          <Title order={3} mb="xs">
            Body
          </Title>
          {request.body === "" ? (
            <Text c="dimmed" size="sm">
              The body is empty.
            </Text>
          ) : (
            <JsonView value={request.body} label="request body" />
          )}
        </section>

        <section>
          <Title order={3} mb="xs">
            Headers
          </Title>
          <Scroll label="Request headers">
            <Table fz="sm" verticalSpacing={5}>
              <Table.Tbody>
                {request.headers.map(([name, value], n) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a header may come more than once.
                  <Table.Tr key={n}>
                    <Table.Th w={220} className="mono" fw={500} style={{ verticalAlign: "top" }}>
                      {name}
                    </Table.Th>
                    <Table.Td className={`mono ${classes.value}`}>{value}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Scroll>
        </section>
      </Stack>
    </Card>
  );
}

function Signatures({ request: { verdict } }: { request: InboxRequest }) {
  const { tone, icon: Shape } = verdictLook(verdict?.verdict);
  if (verdict === null) {
    return (
      <div className={classes.verdict} data-tone={tone}>
        <Shape size={20} aria-hidden="true" />
        <div>
          The body names none of this server's webhooks, so there is no secret to verify it with.
        </div>
      </div>
    );
  }
  return (
    <section>
      <div className={classes.verdict} data-tone={tone}>
        <Shape size={20} aria-hidden="true" />
        <div>
          <Text fw={600}>{headline(verdict.verdict)}</Text>
          {verdict.verdict !== "verified" && <Text size="sm">{sentence(verdict.message)}</Text>}
        </div>
      </div>
      <Table fz="sm" mt="sm" verticalSpacing={6}>
        <Table.Thead className="visually-hidden">
          <Table.Tr>
            <Table.Th>Signature</Table.Th>
            <Table.Th>Verdict</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {verdict.signatures.map((signature) => {
            const look = verdictLook(signature.verdict);
            return (
              <Table.Tr key={signature.name}>
                <Table.Td className={`mono ${classes.value}`}>{signature.name}</Table.Td>
                <Table.Td>
                  <Badge tone={look.tone} icon={look.icon}>
                    {look.word}
                  </Badge>
                  {signature.verdict === "failed" && (
                    <Text size="sm" mt={4}>
                      {sentence(signature.message)}
                    </Text>
                  )}
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </section>
  );
}

function headline(verdict: string): string {
  if (verdict === "verified") return "Every signature that was sent verifies";
  if (verdict === "absent") return "No signature was sent";
  if (verdict === "unchecked") return "The signatures were not checked";
  return "A signature does not verify";
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function webhookOf(body: string): string | null {
  try {
    const { webhook_id: id } = JSON.parse(body);
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}
