// A contact beside its list.
import { Button, Group, Skeleton } from "@mantine/core";
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem } from "../../api/client";
import { contactQuery } from "../../api/contacts";
import { useMay } from "../../api/session";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { SidePanel } from "../../components/SidePanel";
import { ContactForm } from "./ContactForm";
import { ContactView } from "./ContactView";
import { DeleteContact } from "./DeleteContact";
import { nameOf } from "./fields";

/** With the id as its key, so that none is edited with another's fields. */
export function ContactPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const { data: contact, error, refetch } = useQuery(contactQuery(id));
  const mayWrite = useMay("write");
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  return (
    <SidePanel
      label="Contact"
      title={contact === undefined ? "Contact" : (nameOf(contact) ?? contact.phone_number)}
      id={id}
      page={{ to: "/contacts/$id", params: { id } }}
      onClose={onClose}
      head={
        contact !== undefined &&
        mayWrite &&
        !editing && (
          <Group gap="xs" mt="xs">
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPencil size={14} />}
              onClick={() => setEditing(true)}
            >
              Edit
            </Button>
            <Button
              size="xs"
              variant="default"
              c="var(--ph-bad)"
              leftSection={<IconTrash size={14} />}
              onClick={() => setDeleting(true)}
            >
              Delete
            </Button>
          </Group>
        )
      }
    >
      {contact === undefined ? (
        error === null ? (
          <Skeleton height={320} />
        ) : error instanceof ApiProblem && error.status === 404 ? (
          <NoContact />
        ) : (
          <ErrorState
            error={error}
            title="The contact could not be loaded"
            onRetry={() => void refetch()}
          />
        )
      ) : editing ? (
        <ContactForm
          powerlistId={contact.powerlist_id}
          contact={contact}
          narrow
          onSaved={() => setEditing(false)}
          onCancel={() => setEditing(false)}
        />
      ) : (
        <ContactView contact={contact} narrow />
      )}
      {contact !== undefined && (
        <DeleteContact
          contact={contact}
          opened={deleting}
          onClose={() => setDeleting(false)}
          onDeleted={onClose}
        />
      )}
    </SidePanel>
  );
}

export function NoContact() {
  return (
    <EmptyState
      title="There is no such contact"
      text="It was deleted, or it belongs to another account."
    />
  );
}
