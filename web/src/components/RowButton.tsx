// What can be done about a row of a list: an icon, with its words in a tooltip.
import { ActionIcon, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  label: string;
  busy?: boolean;
  onClick: () => void;
  children: ReactNode;
}

export function RowButton({ label, busy, onClick, children }: Props) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="dimmed"
        size={30}
        aria-label={label}
        loading={busy}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
