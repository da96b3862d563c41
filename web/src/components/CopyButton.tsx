// Copies a text and says so, to eyes and to screen readers.
import { ActionIcon, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";

interface Props {
  text: string;
  /** What is copied: "URL", "webhook id". */
  what: string;
  size?: "sm" | "md";
}

export function CopyButton({ text, what, size = "sm" }: Props) {
  const clipboard = useClipboard({ timeout: 1_500 });
  const label = clipboard.copied ? "Copied" : `Copy ${what}`;
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={size === "sm" ? 24 : 30}
        aria-label={label}
        onClick={(event) => {
          // Often within a row that opens on a click.
          event.stopPropagation();
          clipboard.copy(text);
        }}
      >
        {clipboard.copied ? (
          <IconCheck size={15} color="var(--ph-ok)" />
        ) : (
          <IconCopy size={15} color="var(--mantine-color-dimmed)" />
        )}
      </ActionIcon>
    </Tooltip>
  );
}
