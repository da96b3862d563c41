// Asks before a powerlist is deleted, for its name if somebody is on it. One that webhooks name
// cannot be deleted: then it says which do.
import { Anchor, Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Powerlist } from "../../api/client";
import { deletePowerlist } from "../../api/contacts";
import { useAction, webhooksQuery } from "../../api/queries";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { formatCount } from "../../format";

interface Props {
  /** null: nothing is to be deleted. */
  powerlist: Powerlist | null;
  onClose: () => void;
  onDeleted?: () => void;
}

export function DeletePowerlist({ powerlist, onClose, onDeleted }: Props) {
  // The dialog goes on showing it while it closes.
  const [shown, setShown] = useState(powerlist);
  useEffect(() => {
    if (powerlist !== null) setShown(powerlist);
  }, [powerlist]);
  const { data } = useQuery(webhooksQuery);
  const action = useAction<Powerlist>({
    run: ({ id }) => deletePowerlist(id),
    invalidates: [["powerlists"], ["contacts"], ["audit-log"]],
    done: (_, { name }) => `${name} was deleted`,
    failed: "Could not delete the powerlist",
    onDone: () => {
      onClose();
      onDeleted?.();
    },
  });
  if (shown === null) return null;
  const { id, name, contacts } = shown;
  const users = data?.webhooks.filter(({ powerlist_id }) => powerlist_id === id) ?? [];
  if (users.length > 0) {
    return (
      <Modal opened={powerlist !== null} onClose={onClose} title={`${name} is in use`}>
        <Stack gap="md">
          <Text>
            {users.length === 1 ? "A webhook names" : `${formatCount(users.length)} webhooks name`}{" "}
            this powerlist. Choose another list there, or delete{" "}
            {users.length === 1 ? "it" : "them"}, then this list can go.
          </Text>
          <List spacing={4}>
            {users.map((webhook) => (
              <List.Item key={webhook.id}>
                <Anchor
                  component={Link}
                  to="/setup/webhooks/$id"
                  params={{ id: webhook.id } as never}
                >
                  {webhook.title}
                </Anchor>
              </List.Item>
            ))}
          </List>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose} data-autofocus>
              Close
            </Button>
          </Group>
        </Stack>
      </Modal>
    );
  }
  return (
    <ConfirmDialog
      opened={powerlist !== null}
      onClose={onClose}
      title={`Delete ${name}?`}
      confirmLabel="Delete"
      danger
      typed={contacts > 0 ? name : undefined}
      busy={action.isPending}
      onConfirm={() => action.mutate(shown)}
    >
      {contacts === 0
        ? "Nobody is on it. "
        : `${formatCount(contacts)} ${contacts === 1 ? "contact goes" : "contacts go"} with it, and no events tell of that. `}
      This cannot be undone; an export keeps what was there.
    </ConfirmDialog>
  );
}
