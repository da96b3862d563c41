// Gives a webhook new URLs, as after one was posted where it should not be; and how long the old
// ones are good beside them.
import { Button, Group, Stack, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import type { InboundWebhook } from "../../api/client";
import { rotateToken } from "../../api/inbound";
import { useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { RotateDialog } from "../../components/RotateDialog";
import { useNow } from "../../components/TimeText";
import { formatDuration } from "../../format";

export function RotateUrl({ webhook }: { webhook: InboundWebhook }) {
  const { id, title, previous_token_expires_at: until } = webhook;
  const mayWrite = useMay("write");
  const [opened, setOpened] = useState(false);
  const rotate = useAction<number, unknown>({
    run: (overlapS) => rotateToken(id, overlapS),
    invalidates: [["webhooks"], ["audit-log"]],
    done: `${title} has new URLs`,
    failed: "Could not rotate the URLs",
    onDone: () => setOpened(false),
  });
  if (!mayWrite) {
    return (
      <Text span size="sm" c="dimmed">
        Shown whole only to those who may change webhooks
      </Text>
    );
  }
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <Text span size="sm" c="dimmed">
          Whoever has one can post
        </Text>
        <Button
          size="compact-xs"
          variant="default"
          leftSection={<IconRefresh size={13} />}
          onClick={() => setOpened(true)}
        >
          Rotate
        </Button>
      </Group>
      {until !== null && <Overlap until={until} />}
      <RotateDialog
        opened={opened}
        onClose={() => setOpened(false)}
        title="Rotate the URLs?"
        text="The webhook gets new URLs at once. During the overlap the old ones work as well, so that you can change them over where they are in use."
        none="the old URLs end at once"
        busy={rotate.isPending}
        onRotate={rotate.mutate}
      />
    </Stack>
  );
}

function Overlap({ until }: { until: string }) {
  const left = Date.parse(until) - useNow();
  return left <= 0 ? null : (
    <Text size="sm" className="tabular" c="var(--ph-warn)" role="timer">
      The old URLs work for another {formatDuration(Math.ceil(left / 1_000) * 1_000)}
    </Text>
  );
}
