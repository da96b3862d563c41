import { Anchor, Group, Stack, Table, Tabs, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type DeliveryDetail, type Schemas, sentence } from "../../api/client";
import { JsonView } from "../../components/JsonView";
import { Scroll } from "../../components/Scroll";
import { Badge, StatusBadge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatDuration } from "../../format";
import classes from "./TestSender.module.css";

type Header = Schemas["Header"];

const signatureNames = /^(x-webhook-signature|webhook-(id|timestamp|signature))/;

export function TestResult({ delivery }: { delivery: DeliveryDetail }) {
  const attempt = delivery.attempts.at(-1);
  const log = (
    <Anchor component={Link} to="/deliveries/$id" params={{ id: delivery.id } as never} size="sm">
      Open in the delivery log
    </Anchor>
  );
  if (attempt === undefined) {
    return (
      <Stack gap="sm">
        <Title order={2}>No answer yet</Title>
        <StatusBadge status={delivery.status} />
        <Text>The test has not been tried within the time there is to wait for it.</Text>
        {log}
      </Stack>
    );
  }
  const signatures = attempt.request_headers.filter(({ name }) => signatureNames.test(name));
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="xs">
        <Group gap="xs">
          <Title order={2}>Answer</Title>
          <Badge tone="accent">TEST</Badge>
        </Group>
        {log}
      </Group>
      <Group gap="sm" align="center">
        {attempt.status_code != null && (
          <Text fw={700} fz="1.75rem" lh={1} className="tabular">
            {attempt.status_code}
          </Text>
        )}
        <StatusBadge status={attempt.outcome} />
        <Text c="dimmed" className="tabular">
          in {formatDuration(attempt.duration_ms)}
        </Text>
        <Text c="dimmed" size="sm" ms="auto">
          <TimeText at={attempt.started_at} />
        </Text>
      </Group>
      {attempt.error && (
        <Text role="alert" style={{ overflowWrap: "anywhere" }}>
          {sentence(attempt.error)}
        </Text>
      )}
      <Timings timings={attempt.timings} />
      <Tabs defaultValue="body" keepMounted={false} variant="default">
        <Tabs.List>
          <Tabs.Tab value="body">Body</Tabs.Tab>
          <Tabs.Tab value="headers">Headers</Tabs.Tab>
          <Tabs.Tab value="signatures">Signatures</Tabs.Tab>
          <Tabs.Tab value="request">Request</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="body" pt="sm">
          {attempt.response_body === "" ? (
            <Text c="dimmed" size="sm">
              The answer has no body.
            </Text>
          ) : (
            <JsonView value={attempt.response_body} label="response body" maxHeight={320} />
          )}
          {attempt.truncated && (
            <Text c="dimmed" size="sm" mt={6}>
              The body went on; its first 16 KiB are kept.
            </Text>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="headers" pt="sm">
          <Headers label="Response headers" headers={attempt.response_headers} />
        </Tabs.Panel>
        <Tabs.Panel value="signatures" pt="sm">
          <Text size="sm" c="dimmed" mb="xs">
            What your receiver verifies. The Code tab has a program that does.
          </Text>
          <Headers label="Signature headers" headers={signatures} />
        </Tabs.Panel>
        <Tabs.Panel value="request" pt="sm">
          <Headers label="Request headers" headers={attempt.request_headers} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}

/** Where the time went, as a list in the order of the steps. */
function Timings({ timings }: { timings: Schemas["Timings"] }) {
  const steps = (
    [
      ["DNS", timings.dns],
      ["Connect", timings.connect],
      ["TLS", timings.tls],
      ["First byte", timings.first_byte],
    ] as const
  ).filter(([, ms]) => ms != null);
  if (steps.length === 0) return null;
  return (
    <dl className={classes.timings}>
      {steps.map(([name, ms]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="tabular">{formatDuration(ms as number)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Headers({ label, headers }: { label: string; headers: Header[] }) {
  if (headers.length === 0) {
    return (
      <Text c="dimmed" size="sm">
        There are none.
      </Text>
    );
  }
  return (
    <Scroll label={label} style={{ maxHeight: 320 }}>
      <Table fz="sm" verticalSpacing={5}>
        <Table.Tbody>
          {headers.map(({ name, value }, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a header may come more than once.
            <Table.Tr key={n}>
              <Table.Th className={`mono ${classes.name}`}>{name}</Table.Th>
              <Table.Td className={`mono ${classes.value}`}>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}
