import { Button, Group, Modal, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { client, done, type User } from "../../api/client";
import { useAction } from "../../api/queries";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { LastOwner } from "./EditUser";

interface Props {
  user: User;
  isMe: boolean;
  isLastOwner: boolean;
  onClose: () => void;
}

export function RemoveUser({ user, isMe, isLastOwner, onClose }: Props) {
  const queries = useQueryClient();
  const router = useRouter();
  /** The server knows of all users, this page perhaps not. */
  const [refused, setRefused] = useState(false);
  const remove = useAction({
    run: () => done(client.DELETE("/v1/users/{id}", { params: { path: { id: user.id } } })),
    invalidates: isMe ? [] : [["users"], ["audit-log"]],
    done: `${user.name} was removed`,
    failed: "Could not remove the user",
    shows: (problem) => {
      if (problem.code !== "last_owner") return false;
      setRefused(true);
      return true;
    },
    onDone: () => {
      onClose();
      if (!isMe) return;
      queries.clear();
      void router.navigate({ to: "/sign-in" });
    },
  });

  if (isLastOwner || refused) {
    return (
      <Modal opened onClose={onClose} title={`${user.name} cannot be removed`}>
        <Stack gap="md">
          <LastOwner what="Somebody has to be an owner" />
          <Group justify="flex-end">
            <Button onClick={onClose} data-autofocus>
              Close
            </Button>
          </Group>
        </Stack>
      </Modal>
    );
  }
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={isMe ? "Remove yourself?" : `Remove ${user.name}?`}
      confirmLabel="Remove"
      danger
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
    >
      {isMe ? "You are" : `${user.email} is`} signed out everywhere at once and cannot sign in any
      more. What {isMe ? "you" : "they"} changed stays, and the audit log still names{" "}
      {isMe ? "you" : "them"}. API keys go on working.
    </ConfirmDialog>
  );
}
