// What can be done with a webhook in the list: Edit, Delete, View Endpoints, and seldom more.
import { ActionIcon, Group, Menu, Tooltip } from "@mantine/core";
import {
  IconCopy,
  IconDots,
  IconEye,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconSend,
  IconTrash,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Webhook } from "../../api/client";
import { useMay } from "../../api/session";
import { useSetSending } from "./useSetSending";

export function RowActions({ webhook, onDelete }: { webhook: Webhook; onDelete: () => void }) {
  const { id, title, status, direction } = webhook;
  const mayWrite = useMay("write");
  const sending = useSetSending(webhook);
  const icon = { size: 17, stroke: 1.7, "aria-hidden": true } as const;
  return (
    <Group gap={2} wrap="nowrap">
      {mayWrite && (
        <>
          <Tooltip label="Edit">
            <ActionIcon
              component={Link}
              to="/setup/webhooks/$id/edit"
              params={{ id } as never}
              variant="subtle"
              color="gray"
              c="dimmed"
              size={30}
              aria-label={`Edit ${title}`}
            >
              <IconPencil {...icon} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Delete">
            <ActionIcon
              variant="subtle"
              color="gray"
              c="dimmed"
              size={30}
              aria-label={`Delete ${title}`}
              onClick={onDelete}
            >
              <IconTrash {...icon} />
            </ActionIcon>
          </Tooltip>
        </>
      )}
      <Tooltip label="View Endpoints">
        <ActionIcon
          component={Link}
          to="/setup/webhooks/$id"
          params={{ id } as never}
          variant="subtle"
          color="gray"
          c="dimmed"
          size={30}
          aria-label={`View Endpoints of ${title}`}
        >
          <IconEye {...icon} />
        </ActionIcon>
      </Tooltip>
      {mayWrite && (
        <Menu position="bottom-end" withinPortal shadow="md">
          <Menu.Target>
            <ActionIcon
              variant="subtle"
              color="gray"
              c="dimmed"
              size={30}
              aria-label={`More for ${title}`}
            >
              <IconDots {...icon} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item
              leftSection={
                status === "enabled" ? <IconPlayerPause {...icon} /> : <IconPlayerPlay {...icon} />
              }
              onClick={() => sending.mutate(status === "enabled" ? "pause" : "resume")}
            >
              {status === "enabled" ? "Pause" : status === "paused" ? "Resume" : "Enable again"}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconSend {...icon} />}
              component={Link}
              to="/setup/webhooks/$id"
              params={{ id } as never}
              search={{ tab: "test" } as never}
            >
              {direction === "inbound" ? "Send a sample" : "Send test event"}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconCopy {...icon} />}
              component={Link}
              to="/setup/webhooks/new"
              search={{ copy_of: id } as never}
            >
              Add a copy
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </Group>
  );
}
