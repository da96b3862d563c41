// Where contacts are posted to and with which fields, each part with a button that copies it.
import { Card, Text, Title } from "@mantine/core";
import type { InboundEndpoint, InboundWebhook } from "../../api/client";
import { endpointUrl } from "../../api/inbound";
import { CopyButton } from "../../components/CopyButton";
import { EventChip } from "../../components/EventChip";
import { IdCopy } from "../../components/IdCopy";
import { TimeText } from "../../components/TimeText";
import { formatCount } from "../../format";
import { Fact } from "../webhook/Facts";
import { PowerlistLink } from "../webhook/PowerlistLink";
import classes from "../webhook/WebhookPage.module.css";
import own from "./Inbound.module.css";
import { RotateUrl } from "./RotateUrl";
import { VerificationSecret } from "./VerificationSecret";

const names: Record<string, string> = { contact: "Contact", "contact.delete": "Contact Delete" };

/** "contact.delete" → "Contact Delete". */
export function operationName(event: string): string {
  return names[event] ?? event;
}

export function InboundFacts({ webhook }: { webhook: InboundWebhook }) {
  const { id, number, title, endpoints, powerlist_id, rate_limit: limit } = webhook;
  return (
    <Card component="section" aria-labelledby="facts">
      <Title order={2} id="facts" mb="xs">
        {endpoints.length === 1 ? "Endpoint" : "Endpoints"}
      </Title>
      {endpoints.map((endpoint) => (
        <Endpoint key={endpoint.event} endpoint={endpoint} />
      ))}
      <dl className={classes.facts}>
        <Fact name="Title">
          <span className={classes.value}>{title}</span>
          <CopyButton text={title} what="title" />
        </Fact>
        <Fact name="Powerlist">
          <PowerlistLink id={powerlist_id} />
        </Fact>
        <Fact name="Webhook id">
          <IdCopy id={id} what="webhook id" />
          <Text span size="sm" c="dimmed">
            #{number}
          </Text>
        </Fact>
        <Fact name="Verification">
          <VerificationSecret webhook={webhook} />
        </Fact>
        <Fact name="URLs">
          <RotateUrl webhook={webhook} />
        </Fact>
        <Fact name="Rate limit">
          <Text span size="sm">
            {formatCount(limit.count)} requests{" "}
            {limit.per_s === 1 ? "a second" : `in each ${formatCount(limit.per_s)} s`}
          </Text>
        </Fact>
        <Fact name="Created at">
          <TimeText at={webhook.created_at} as="minutes" />
        </Fact>
      </dl>
    </Card>
  );
}

function Endpoint({ endpoint }: { endpoint: InboundEndpoint }) {
  const { event, method, fields } = endpoint;
  const url = endpointUrl(endpoint);
  const name = operationName(event);
  return (
    <section className={own.endpoint} aria-label={name}>
      <div className={own.endpointHead}>
        <span className={classes.method}>{method}</span>
        <CopyButton text={method} what={`method of ${name}`} />
        <EventChip pattern={event} />
      </div>
      <div className={own.url}>
        <span className={`mono ${classes.value}`} data-testid={`url-${event}`}>
          {url}
        </span>
        <CopyButton text={url} what={`URL of ${name}`} size="md" />
      </div>
      <div>
        <div className={own.fieldsHead}>
          <Text size="sm" c="dimmed" component="span">
            Form fields{event === "contact" ? ", and any of your own" : ", one of which names it"}
          </Text>
          <CopyButton text={fields.join(", ")} what={`all fields of ${name}`} />
        </div>
        <ul className={own.fields} aria-label={`Form fields of ${name}`}>
          {fields.map((field) => (
            <li key={field} className={own.field}>
              <span className="mono">{field}</span>
              <CopyButton text={field} what={`field ${field} of ${name}`} />
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
