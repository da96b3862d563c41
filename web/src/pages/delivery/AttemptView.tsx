// One attempt: what was sent, what came back, where the time went, and what that means. All that
// comes from receivers is shown as text.
import { Alert, Card, Group, Skeleton, Stack, Tabs, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type Attempt, type DeliveryDetail, type Schemas, sentence } from "../../api/client";
import { CopyButton } from "../../components/CopyButton";
import { JsonView } from "../../components/JsonView";
import { StatusBadge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatBytes } from "../../format";
import classes from "./AttemptView.module.css";
import { requestBody } from "./body";
import { causeOf } from "./cause";
import { eventQuery } from "./queries";
import { TimingsBar } from "./TimingsBar";

interface Props {
  delivery: DeliveryDetail;
  attempt: Attempt;
}

export function AttemptView({ delivery, attempt }: Props) {
  const { number, outcome, status_code, started_at, remote_address, error } = attempt;
  const answered = status_code !== null;
  return (
    <Card component="section" aria-label={`Attempt ${number}`}>
      <Stack gap="md">
        <Group gap="sm" justify="space-between">
          <Group gap="sm">
            <Title order={2}>Attempt {number}</Title>
            <StatusBadge status={outcome} note={answered ? `with ${status_code}` : undefined} />
          </Group>
          <Text c="dimmed" size="sm" component="div">
            <TimeText at={started_at} as="seconds" />
          </Text>
        </Group>
        <CauseNote attempt={attempt} />
        <TimingsBar attempt={attempt} />
        <dl className={classes.facts}>
          <dt>Remote address</dt>
          <dd>
            {remote_address === null ? (
              "No connection"
            ) : (
              <span className={classes.copied}>
                <span className="mono">{remote_address}</span>
                <CopyButton text={remote_address} what="remote address" />
              </span>
            )}
          </dd>
          {error !== null && (
            <>
              <dt>Error</dt>
              <dd>{sentence(error)}</dd>
            </>
          )}
        </dl>
        <Tabs defaultValue={answered ? "response" : "request"} keepMounted={false}>
          <Tabs.List>
            <Tabs.Tab value="request">Request</Tabs.Tab>
            <Tabs.Tab value="response">Response</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="request" pt="md">
            <RequestParts delivery={delivery} attempt={attempt} />
          </Tabs.Panel>
          <Tabs.Panel value="response" pt="md">
            <ResponseParts attempt={attempt} />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </Card>
  );
}

function CauseNote({ attempt }: { attempt: Attempt }) {
  if (attempt.outcome === "succeeded") return null;
  const { what, advice } = causeOf(attempt);
  return (
    <div className={classes.cause} data-tone={attempt.outcome === "deferred" ? "warn" : "bad"}>
      <Text fw={600}>{what}</Text>
      <Text size="sm">{advice}</Text>
    </div>
  );
}

function RequestParts({ delivery, attempt }: Props) {
  const { data: event, error } = useQuery(eventQuery(delivery.event_id));
  return (
    <Stack gap="md">
      <Part title="Headers">
        {attempt.request_headers.length === 0 ? (
          <Text c="dimmed">Nothing was sent.</Text>
        ) : (
          <Headers headers={attempt.request_headers} label="Request headers" />
        )}
      </Part>
      <Part title="Body">
        {event !== undefined ? (
          <>
            <JsonView value={requestBody(delivery, event)} label="request body" />
            <Text c="dimmed" size="xs" mt={6}>
              Put together from the event. What was sent has a signature in its metadata as well,
              made with the webhook's secret.
            </Text>
          </>
        ) : error !== null ? (
          <Alert color="gray" variant="light">
            The event could not be loaded, so its body cannot be shown. {sentence(error)}
          </Alert>
        ) : (
          <Skeleton height={160} />
        )}
      </Part>
    </Stack>
  );
}

function ResponseParts({ attempt }: { attempt: Attempt }) {
  const { status_code, response_headers, response_body, truncated } = attempt;
  if (status_code === null) {
    return <Text c="dimmed">No response came.</Text>;
  }
  const encoding = response_headers.find(
    ({ name }) => name.toLowerCase() === "content-encoding",
  )?.value;
  return (
    <Stack gap="md">
      <Part title="Headers">
        <Headers headers={response_headers} label="Response headers" />
      </Part>
      <Part title="Body">
        {response_body === "" ? (
          <Text c="dimmed">Empty.</Text>
        ) : (
          <JsonView value={response_body} label="response body" />
        )}
        {truncated && (
          <Text c="dimmed" size="xs" mt={6}>
            The response went on. Only its beginning is kept (
            {formatBytes(new TextEncoder().encode(response_body).length)}).
          </Text>
        )}
        {encoding !== undefined && encoding !== "identity" && response_body !== "" && (
          <Text c="dimmed" size="xs" mt={6}>
            Your server encoded the body ({encoding}); it is shown as it came.
          </Text>
        )}
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

function Headers({ headers, label }: { headers: Schemas["Header"][]; label: string }) {
  if (headers.length === 0) return <Text c="dimmed">None.</Text>;
  return (
    <table className={classes.headers} aria-label={label}>
      <tbody>
        {headers.map(({ name, value }, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a name may stand there twice.
          <tr key={n}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
