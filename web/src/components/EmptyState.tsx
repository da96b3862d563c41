// A list without rows: why that is, and what to do next.
import { Group, Text } from "@mantine/core";
import { type Icon, IconInbox } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./State.module.css";

interface Props {
  icon?: Icon;
  title: string;
  text?: ReactNode;
  /** Buttons. */
  children?: ReactNode;
}

export function EmptyState({ icon: Shape = IconInbox, title, text, children }: Props) {
  return (
    <div className={classes.state}>
      <span className={classes.icon} aria-hidden="true">
        <Shape size={26} stroke={1.6} />
      </span>
      <Text fw={600} size="lg">
        {title}
      </Text>
      {text && (
        <Text c="dimmed" maw={460}>
          {text}
        </Text>
      )}
      {children && (
        <Group gap="xs" mt="xs" justify="center">
          {children}
        </Group>
      )}
    </div>
  );
}
