// How to post to the webhook: ready-made commands, and the steps in the systems that people use.
import { Card, SegmentedControl, Select, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { InboundWebhook } from "../../api/client";
import { endpointUrl } from "../../api/inbound";
import { CodeBlock } from "../../components/CodeBlock";
import { CopyButton } from "../../components/CopyButton";
import { schemeFacts } from "../webhook-form/inbound";
import own from "./Inbound.module.css";
import { operationName } from "./InboundFacts";
import { type BodyKind, curl, sampleFields } from "./sample";

type System = "gohighlevel" | "hubspot" | "zapier" | "twilio" | "form";

const systems: { value: System; label: string }[] = [
  { value: "gohighlevel", label: "GoHighLevel" },
  { value: "hubspot", label: "HubSpot" },
  { value: "zapier", label: "Zapier" },
  { value: "twilio", label: "Twilio" },
  { value: "form", label: "Your own form" },
];

export function Connect({ webhook }: { webhook: InboundWebhook }) {
  const { endpoints, verification } = webhook;
  const [event, setEvent] = useState(endpoints[0]?.event ?? "contact");
  const [kind, setKind] = useState<BodyKind>("form");
  const [system, setSystem] = useState<System>("gohighlevel");
  const endpoint = endpoints.find((each) => each.event === event) ?? endpoints[0];
  if (endpoint === undefined) return null;
  const url = endpointUrl(endpoint);
  return (
    <Stack gap="md">
      {endpoints.length > 1 && (
        <Select
          label="Endpoint"
          w={220}
          data={endpoints.map((each) => ({ value: each.event, label: operationName(each.event) }))}
          value={event}
          onChange={(to) => to !== null && setEvent(to)}
          allowDeselect={false}
        />
      )}
      <div className={own.columns}>
        <Card component="section" aria-label="From a shell">
          <Stack gap="sm">
            <Title order={2}>From a shell</Title>
            <SegmentedControl
              aria-label="Kind of body"
              value={kind}
              onChange={(to) => setKind(to as BodyKind)}
              data={[
                { value: "form", label: "Form" },
                { value: "json", label: "JSON" },
              ]}
              style={{ alignSelf: "flex-start" }}
            />
            <CodeBlock
              code={curl(url, sampleFields(endpoint, webhook.mapping), kind)}
              label="curl command"
              wrap
            />
            <Text size="sm" c="dimmed">
              Answers 200 with the contact's id and what was done, or 422 with one entry for each
              field that is wrong. With an <span className="mono">idempotency-key</span> header, the
              same request twice is done once.
            </Text>
            {verification !== null && (
              <Text size="sm" c="var(--ph-warn)">
                This webhook verifies requests: add{" "}
                {schemeFacts(verification.scheme)?.text ?? "the signature"}
              </Text>
            )}
          </Stack>
        </Card>
        <Card component="section" aria-label="From another system">
          <Stack gap="sm">
            <Select
              label="From another system"
              data={systems}
              value={system}
              onChange={(to) => to !== null && setSystem(to as System)}
              allowDeselect={false}
            />
            <Steps system={system} url={url} />
          </Stack>
        </Card>
      </div>
    </Stack>
  );
}

function Steps({ system, url }: { system: System; url: string }) {
  const address = (
    <>
      <span className={`mono ${own.preview}`}>{url}</span> <CopyButton text={url} what="URL" />
    </>
  );
  return (
    <>
      <ol className={own.steps}>
        {stepsOf(system, address).map((step, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: steps are their order.
          <li key={n}>{step}</li>
        ))}
      </ol>
      {system === "form" && (
        <CodeBlock
          label="HTML form"
          wrap
          code={`<form method="post" action="${url}">
  <input name="phone_number" type="tel" required>
  <input name="first_name">
  <input name="email" type="email">
  <button>Send</button>
</form>`}
        />
      )}
      <Text size="sm" c="dimmed">
        If a field does not arrive as you expect, open the tab Mapping: it shows the last request
        and lets you choose.
      </Text>
    </>
  );
}

function stepsOf(system: System, address: ReactNode): ReactNode[] {
  switch (system) {
    case "gohighlevel":
      return [
        "Automation → Workflows: open one, or create one with the trigger Contact Created or Contact Changed.",
        "Add the action Webhook (or Custom Webhook), method POST.",
        <>URL: {address}</>,
        "Leave the standard contact data on: phone, first_name, last_name, email, address1, city, state, postal_code, tags are recognised. Anything under Custom Data becomes a custom field.",
        "Save, publish, and run Test with a contact that has a phone number.",
      ];
    case "hubspot":
      return [
        "Automation → Workflows: a contact-based workflow with your enrolment trigger.",
        "Add the action Send a webhook, method POST.",
        <>Webhook URL: {address}</>,
        "Choose the properties to send: phone (or mobilephone), firstname, lastname, email, address, city, state, zip, country.",
        "Test the action with a contact, then turn the workflow on.",
      ];
    case "zapier":
      return [
        "Add the action Webhooks by Zapier, event POST.",
        <>URL: {address}</>,
        "Payload type: Form or JSON.",
        "Data: phone_number on the left, the phone of your trigger on the right; then first_name, last_name, email and whatever else you want kept.",
        "Test the step: it shows our answer with the contact's id.",
      ];
    case "twilio":
      return [
        "In Studio add the widget Make HTTP Request, or set the URL as a messaging webhook.",
        <>Request URL: {address}</>,
        "Content type: form. Twilio's own From holds the sender's number; map it to the phone number in the tab Mapping.",
        "To verify that requests are Twilio's, choose the verification Twilio in Settings, with your auth token as the secret.",
      ];
    case "form":
      return [
        <>Let the form post to {address}</>,
        "Name its inputs as the fields above; any other input becomes a custom field.",
      ];
  }
}
