// The secret of a webhook that was created a moment ago, once.
import { Alert, Button, Group, Text } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { CopyButton } from "../../components/CopyButton";
import { forgetNewSecret, newSecret } from "./newSecrets";
import classes from "./WebhookPage.module.css";

export function NewSecret({ webhookId }: { webhookId: string }) {
  const [secret, setSecret] = useState(() => newSecret(webhookId));
  useEffect(() => () => forgetNewSecret(webhookId), [webhookId]);
  if (secret === undefined) return null;
  return (
    <Alert color="violet" variant="light" icon={<IconKey />} title="Keep the signing secret">
      <Text size="sm">
        Your receiver needs it to verify that requests come from here. Put it where its other
        secrets are; the code for your language is in the tab Code.
      </Text>
      <Group gap={6} my={8}>
        <Text span className={`mono ${classes.value}`} fw={600} data-testid="new-secret">
          {secret}
        </Text>
        <CopyButton text={secret} what="signing secret" size="md" />
      </Group>
      <Button size="compact-sm" variant="default" onClick={() => setSecret(undefined)}>
        I have it
      </Button>
    </Alert>
  );
}
