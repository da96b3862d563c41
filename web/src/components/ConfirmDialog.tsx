// Asks before something that cannot be undone; for the worst, the title has to be typed.
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";

interface Props {
  opened: boolean;
  onClose: () => void;
  /** A question: "Delete CRM Integration?". */
  title: string;
  /** What will happen. */
  children: ReactNode;
  /** The verb on the button: "Delete". */
  confirmLabel: string;
  danger?: boolean;
  /** What has to be typed before the button works. */
  typed?: string;
  /** Whether it is being done. */
  busy?: boolean;
  onConfirm: () => void;
}

export function ConfirmDialog(props: Props) {
  const { opened, onClose, title, children, confirmLabel, danger, typed, busy, onConfirm } = props;
  const [text, setText] = useState("");
  const ready = typed === undefined || text.trim() === typed.trim();
  useEffect(() => {
    if (opened) setText("");
  }, [opened]);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (ready && !busy) onConfirm();
  }

  return (
    <Modal opened={opened} onClose={onClose} title={title} size="md">
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text component="div">{children}</Text>
          {typed !== undefined && (
            <TextInput
              label={`Type “${typed}” to confirm`}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              autoComplete="off"
              data-autofocus
            />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              color={danger ? "red.9" : undefined}
              disabled={!ready}
              loading={busy}
              data-autofocus={typed === undefined || undefined}
            >
              {confirmLabel}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
