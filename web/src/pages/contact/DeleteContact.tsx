// Asks before a contact is deleted, and why: the reason goes out with the event.
import { Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { Contact } from "../../api/client";
import { deleteContact } from "../../api/contacts";
import { useAction } from "../../api/queries";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { nameOf } from "./fields";

const reasons = [
  { value: "user", label: "Taken off the list by hand" },
  { value: "opt_out", label: "Does not want to be contacted" },
  { value: "gdpr", label: "Asked to be erased (GDPR)" },
  { value: "disposition", label: "Outcome of a call" },
];

interface Props {
  contact: Contact;
  opened: boolean;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteContact({ contact, opened, onClose, onDeleted }: Props) {
  const [reason, setReason] = useState("user");
  const name = nameOf(contact) ?? contact.phone_number;
  const remove = useAction({
    run: () => deleteContact(contact.id, reason),
    // Not the contact itself, which would be asked for once more and is gone.
    invalidates: [["contacts", "of", contact.powerlist_id], ["powerlists"]],
    done: `${name} was deleted`,
    failed: "Could not delete the contact",
    onDone: () => {
      onClose();
      onDeleted();
    },
  });
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={`Delete ${name}?`}
      confirmLabel="Delete"
      danger
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
    >
      <Stack gap="md">
        <Text>
          All that is known of this contact goes. Webhooks that listen to{" "}
          <span className="mono">contact.delete</span> are told, with the reason.
        </Text>
        <Select
          label="Reason"
          data={reasons}
          value={reason}
          onChange={(value) => setReason(value ?? "user")}
          allowDeselect={false}
        />
      </Stack>
    </ConfirmDialog>
  );
}
