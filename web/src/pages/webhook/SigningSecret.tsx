// The secret that signs a webhook's requests: hidden until asked for, as the server notes down each
// time it is shown.
import { ActionIcon, Button, Group, Stack, Text, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy, IconEye, IconEyeOff, IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import { answer, client, type Schemas, type Webhook } from "../../api/client";
import { useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { CopyButton } from "../../components/CopyButton";
import { RotateDialog } from "../../components/RotateDialog";
import { useNow } from "../../components/TimeText";
import { formatDuration } from "../../format";
import classes from "./WebhookPage.module.css";

type Secrets = Schemas["Secrets"];

export function SigningSecret({ webhook: { id, title } }: { webhook: Webhook }) {
  const maySee = useMay("see_secrets");
  const [secrets, setSecrets] = useState<Secrets | null>(null);
  const [hidden, setHidden] = useState(true);
  const [rotating, setRotating] = useState(false);
  const clipboard = useClipboard({ timeout: 1_500 });
  const show = useAction<void, Secrets>({
    run: () => answer(client.GET("/v1/webhooks/{id}/secret", { params: { path: { id } } })),
    invalidates: [["audit-log"]],
    failed: "Could not show the secret",
    onDone: setSecrets,
  });

  async function current(): Promise<Secrets> {
    return secrets ?? (await show.mutateAsync());
  }

  if (!maySee) {
    return (
      <Text span size="sm" c="dimmed">
        Shown only to those who may change webhooks
      </Text>
    );
  }
  const copyLabel = clipboard.copied ? "Copied" : "Copy signing secret";
  const showLabel = hidden ? "Reveal signing secret" : "Hide signing secret";
  return (
    <Stack gap={4} miw={0}>
      <div className={classes.secret}>
        <span className={`mono ${classes.value}`} data-testid="signing-secret">
          {hidden || secrets === null ? "whsec_••••••••••••••••" : secrets.secret}
        </span>
        <Tooltip label={showLabel}>
          <ActionIcon
            variant="subtle"
            color="gray"
            c="dimmed"
            size={24}
            aria-label={showLabel}
            loading={show.isPending}
            onClick={() => {
              if (!hidden) return setHidden(true);
              current().then(
                () => setHidden(false),
                () => {}, // It has been notified.
              );
            }}
          >
            {hidden ? <IconEye size={15} /> : <IconEyeOff size={15} />}
          </ActionIcon>
        </Tooltip>
        <Tooltip label={copyLabel}>
          <ActionIcon
            variant="subtle"
            color="gray"
            c="dimmed"
            size={24}
            aria-label={copyLabel}
            onClick={() =>
              current().then(
                ({ secret }) => clipboard.copy(secret),
                () => {}, // It has been notified.
              )
            }
          >
            {clipboard.copied ? (
              <IconCheck size={15} color="var(--ph-ok)" />
            ) : (
              <IconCopy size={15} />
            )}
          </ActionIcon>
        </Tooltip>
        <Button
          size="compact-xs"
          variant="default"
          leftSection={<IconRefresh size={13} />}
          onClick={() => setRotating(true)}
        >
          Rotate
        </Button>
      </div>
      {secrets?.previous && <Overlap previous={secrets.previous} hidden={hidden} />}
      <Rotate
        id={id}
        title={title}
        opened={rotating}
        onClose={() => setRotating(false)}
        onDone={(rotated) => {
          setSecrets(rotated);
          setHidden(false);
          setRotating(false);
        }}
      />
    </Stack>
  );
}

function Overlap({ previous, hidden }: { previous: Schemas["PreviousSecret"]; hidden: boolean }) {
  const now = useNow();
  const left = Math.max(0, Date.parse(previous.expires_at) - now);
  if (left === 0) {
    return (
      <Text size="sm" c="dimmed">
        The previous secret no longer signs.
      </Text>
    );
  }
  return (
    <Group gap={6}>
      <Text size="sm" className="tabular" c="var(--ph-warn)" role="timer">
        The previous secret also signs for {formatDuration(Math.ceil(left / 1_000) * 1_000)}
      </Text>
      {!hidden && <CopyButton text={previous.secret} what="previous secret" />}
    </Group>
  );
}

function Rotate(props: {
  id: string;
  title: string;
  opened: boolean;
  onClose: () => void;
  onDone: (secrets: Secrets) => void;
}) {
  const { id, title, opened, onClose, onDone } = props;
  const rotate = useAction<number, Secrets>({
    run: (overlapS) =>
      answer(
        client.POST("/v1/webhooks/{id}/rotate-secret", {
          params: { path: { id } },
          body: { overlap_s: overlapS },
        }),
      ),
    invalidates: [["webhooks", id], ["audit-log"]],
    done: `${title} has a new signing secret`,
    failed: "Could not rotate the secret",
    onDone,
  });
  return (
    <RotateDialog
      opened={opened}
      onClose={onClose}
      title="Rotate the signing secret?"
      text="A new secret signs from now on. During the overlap each request carries the signatures of both, so that your receiver can change over without refusing any."
      none="the old secret ends at once"
      busy={rotate.isPending}
      onRotate={rotate.mutate}
    />
  );
}
