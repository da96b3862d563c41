// A secret that the server tells only now: to be copied before the dialog is closed.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy, IconEyeOff } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./ShownOnce.module.css";

interface Props {
  /** "key", "link". */
  what: string;
  text: string;
  /** What to do with it, and how long it is good. */
  note: ReactNode;
  children?: ReactNode;
  onClose: () => void;
}

export function ShownOnce({ what, text, note, children, onClose }: Props) {
  const clipboard = useClipboard({ timeout: 2_000 });
  return (
    <Stack gap="md">
      <Alert color="yellow" icon={<IconEyeOff />} title={`Copy the ${what} now`}>
        <Text size="sm" component="div">
          It is shown this once and cannot be looked up later. {note}
        </Text>
      </Alert>
      <div className={classes.row}>
        <output className={`mono ${classes.text}`} aria-label={`The ${what}`}>
          {text}
        </output>
        <Button
          data-autofocus
          leftSection={clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          onClick={() => clipboard.copy(text)}
        >
          {clipboard.copied ? "Copied" : `Copy ${what}`}
        </Button>
      </div>
      {children}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
