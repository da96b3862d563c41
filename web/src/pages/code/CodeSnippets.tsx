// Code that verifies our signatures, by language, with the webhook's secret filled in on demand.
// The code itself reads the secret from the environment: it should never stand in a file.
import {
  Alert,
  Anchor,
  Button,
  Group,
  List,
  SegmentedControl,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconEye, IconEyeOff, IconKey, IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { answer, client, sentence } from "../../api/client";
import { useMay } from "../../api/session";
import { CodeBlock } from "../../components/CodeBlock";
import { TimeText } from "../../components/TimeText";
import { readSetting, writeSetting } from "../../settings";
import classes from "./CodeSnippets.module.css";
import { languageOf, languages, type Variant } from "./languages";

const SETTING = "snippet";
const HIDDEN = "whsec_…";

export function CodeSnippets({ webhookId }: { webhookId: string }) {
  const [id, setId] = useState(() => readSetting(SETTING));
  const language = languageOf(id);
  const variant = language.variants.find((each) => each.id === id) ?? language.variants[0];
  const choose = ({ id: chosen }: Variant) => {
    setId(chosen);
    writeSetting(SETTING, chosen);
  };

  return (
    <Stack gap="lg">
      <div>
        <Title order={2} mb={4}>
          Verify what this webhook sends
        </Title>
        <Text c="dimmed" maw={720}>
          Each delivery is signed with the webhook's secret. A receiver that verifies knows that it
          came from here, unchanged, and not again from somebody who listened in.
        </Text>
      </div>

      <Stack gap="sm">
        <div className={classes.scroll}>
          <SegmentedControl
            aria-label="Language"
            value={language.title}
            onChange={(title) => {
              const next = languages.find((each) => each.title === title);
              if (next) choose(next.variants[0]);
            }}
            data={languages.map(({ title }) => title)}
          />
        </div>
        {language.variants.length > 1 && (
          <SegmentedControl
            aria-label={`Framework of ${language.title}`}
            size="xs"
            value={variant.id}
            onChange={(chosen) => {
              const next = language.variants.find((each) => each.id === chosen);
              if (next) choose(next);
            }}
            data={language.variants.map((each) => ({ value: each.id, label: each.title }))}
            style={{ alignSelf: "flex-start" }}
          />
        )}
      </Stack>

      {variant.install && (
        <Step title="Install">
          <CodeBlock code={variant.install} label="install command" />
        </Step>
      )}
      <Step title={variant.file}>
        {variant.about && (
          <Text size="sm" c="dimmed">
            {variant.about}
          </Text>
        )}
        <CodeBlock code={variant.code} label={`${language.title} code`} maxHeight={720} />
      </Step>
      <Run webhookId={webhookId} variant={variant} />
      <Notes />
      <Group>
        <Button
          component={Link}
          to="/setup/webhooks/$id"
          params={{ id: webhookId } as never}
          search={{ tab: "test" } as never}
          leftSection={<IconSend size={16} />}
        >
          Send a test
        </Button>
      </Group>
    </Stack>
  );
}

function Run({ webhookId, variant }: { webhookId: string; variant: Variant }) {
  const may = useMay("see_secrets");
  const [shown, setShown] = useState(false);
  const { data, error, isFetching } = useQuery({
    queryKey: ["webhooks", webhookId, "secret"],
    queryFn: () =>
      answer(client.GET("/v1/webhooks/{id}/secret", { params: { path: { id: webhookId } } })),
    // Only when somebody asks, and not kept once nobody looks.
    enabled: shown,
    gcTime: 0,
    staleTime: 60_000,
  });
  const secret = shown ? data?.secret : undefined;

  return (
    <Step
      title="Run"
      action={
        may ? (
          <Button
            variant="default"
            size="xs"
            leftSection={shown ? <IconEyeOff size={14} /> : <IconEye size={14} />}
            loading={isFetching}
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
          >
            {shown ? "Hide the secret" : "Fill in the secret"}
          </Button>
        ) : undefined
      }
    >
      <CodeBlock
        code={`export WEBHOOK_SECRET='${secret ?? HIDDEN}'\n${variant.run}`}
        label="command to run it"
      />
      {!may && (
        <Text size="sm" c="dimmed">
          Your role does not see secrets; ask an owner or an editor for this webhook's.
        </Text>
      )}
      {error !== null && shown && (
        <Alert color="red" title="The secret could not be read" role="alert">
          {sentence(error)}
        </Alert>
      )}
      {secret !== undefined && data?.previous && (
        <Alert color="yellow" icon={<IconKey size={18} />} title="The secret is being rotated">
          Deliveries carry the previous secret's signature too, until{" "}
          <TimeText at={data.previous.expires_at} as="minutes" />. Take over this one before that.
        </Alert>
      )}
    </Step>
  );
}

function Notes() {
  return (
    <section className={classes.notes}>
      <Title order={3} mb="xs">
        What goes wrong most often
      </Title>
      <List size="sm" spacing={6}>
        <List.Item>
          <strong>The body was parsed before it was verified.</strong> The signature is over the raw
          bytes; written anew, the same JSON has others.
        </List.Item>
        <List.Item>
          <strong>The key is not the text of the secret.</strong> For <code>webhook-signature</code>{" "}
          it is the base64 behind <code>whsec_</code>, decoded. The older{" "}
          <code>x-webhook-signature</code> takes the secret as it is shown, and signs the body
          alone.
        </List.Item>
        <List.Item>
          <strong>The clock is wrong.</strong> What is more than five minutes old is refused, so
          that nobody can send a delivery again later.
        </List.Item>
        <List.Item>
          <strong>A delivery is handled twice.</strong> Answers get lost, so a delivery may come
          again: with the same <code>webhook-id</code>.
        </List.Item>
      </List>
      <Text size="sm" c="dimmed" mt="sm">
        The headers follow{" "}
        <Anchor
          href="https://www.standardwebhooks.com"
          target="_blank"
          rel="noreferrer"
          inherit
          underline="always"
        >
          Standard Webhooks
        </Anchor>
        : its libraries for these and other languages verify them as they are.
      </Text>
    </section>
  );
}

function Step(props: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section>
      <Group justify="space-between" mb={6} mih={30}>
        <Title order={3}>{props.title}</Title>
        {props.action}
      </Group>
      <Stack gap="xs">{props.children}</Stack>
    </section>
  );
}
