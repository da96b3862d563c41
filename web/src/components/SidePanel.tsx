// What is open beside a list, on screens that have room for both. Not a dialog: the list stays in
// reach, for j and k too.
import { ActionIcon, Group, Title, Tooltip } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowsMaximize, IconX } from "@tabler/icons-react";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { IdCopy } from "./IdCopy";
import { Scroll } from "./Scroll";
import classes from "./SidePanel.module.css";

/** Whether a list and a panel fit side by side. */
export function useRoomForPanel(): boolean {
  return useMediaQuery("(min-width: 1100px)", undefined, { getInitialValueInEffect: false });
}

interface SplitProps {
  list: ReactNode;
  /** null: nothing is open. */
  panel: ReactNode;
}

export function Split({ list, panel }: SplitProps) {
  return (
    <div className={classes.split} data-panel={panel !== null || undefined}>
      <div className={classes.list}>{list}</div>
      {panel}
    </div>
  );
}

interface Props {
  /** What it shows: "Contact". */
  label: string;
  title: ReactNode;
  id: string;
  /** Where the same has a page of its own. */
  page?: { to: LinkProps["to"]; params: Record<string, string> };
  /** Under the title: badges, buttons. */
  head?: ReactNode;
  onClose: () => void;
  children: ReactNode;
}

export function SidePanel({ label, title, id, page, head, onClose, children }: Props) {
  return (
    <aside className={classes.panel} aria-label={label}>
      <div className={classes.head}>
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <div className={classes.title}>
            <Title order={2} style={{ overflowWrap: "anywhere" }}>
              {title}
            </Title>
            <IdCopy id={id} what={`${label.toLowerCase()} id`} />
          </div>
          <Group gap={4} wrap="nowrap">
            {page && (
              <Tooltip label="Open as a page">
                <ActionIcon
                  component={Link}
                  to={page.to}
                  params={page.params as never}
                  variant="subtle"
                  color="gray"
                  aria-label="Open as a page"
                >
                  <IconArrowsMaximize size={16} />
                </ActionIcon>
              </Tooltip>
            )}
            <Tooltip label="Close (Esc)">
              <ActionIcon variant="subtle" color="gray" aria-label="Close" onClick={onClose}>
                <IconX size={16} />
              </ActionIcon>
            </Tooltip>
          </Group>
        </Group>
        {head}
      </div>
      <Scroll label={`The ${label.toLowerCase()} in detail`} className={classes.content}>
        {children}
      </Scroll>
    </aside>
  );
}
