// A contact on a page of its own.
import { Button, Card, Skeleton } from "@mantine/core";
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, type Contact } from "../../api/client";
import { contactQuery, usePowerlistNames } from "../../api/contacts";
import { useMay } from "../../api/session";
import { BackButton } from "../../components/buttons";
import { ErrorState } from "../../components/ErrorState";
import { Page } from "../../components/Page";
import { useShortcuts } from "../../frame/shortcuts";
import { ContactForm } from "./ContactForm";
import { NoContact } from "./ContactPanel";
import { ConsentBadges, ContactView } from "./ContactView";
import { DeleteContact } from "./DeleteContact";
import { nameOf } from "./fields";

const route = getRouteApi("/frame/contacts/$id");

const crumbs = [{ label: "Setup" }, { label: "Powerlists", to: "/setup/powerlists" }] as const;

export function ContactPage() {
  const { id } = route.useParams();
  const { data: contact, error, refetch } = useQuery(contactQuery(id));
  if (contact !== undefined) return <Detail key={id} contact={contact} />;
  const gone = error instanceof ApiProblem && error.status === 404;
  return (
    <Page title="Contact" crumbs={[...crumbs]}>
      {error === null ? (
        <Skeleton height={420} radius="md" />
      ) : (
        <Card>
          {gone ? (
            <NoContact />
          ) : (
            <ErrorState
              error={error}
              title="The contact could not be loaded"
              onRetry={() => void refetch()}
            />
          )}
        </Card>
      )}
    </Page>
  );
}

function Detail({ contact }: { contact: Contact }) {
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const params = { id: contact.powerlist_id };
  const listName = usePowerlistNames()(contact.powerlist_id);
  useShortcuts(
    mayWrite
      ? [{ keys: "e", label: "Edit the contact", group: "This page", run: () => setEditing(true) }]
      : [],
  );
  return (
    <Page
      title={nameOf(contact) ?? contact.phone_number}
      crumbs={[
        ...crumbs,
        { label: listName ?? contact.powerlist_id, to: "/setup/powerlists/$id", params },
      ]}
      back={<BackButton to={`/setup/powerlists/${contact.powerlist_id}` as never} />}
      badge={<ConsentBadges contact={contact} />}
      actions={
        mayWrite &&
        !editing && (
          <>
            <Button
              variant="default"
              leftSection={<IconPencil size={16} />}
              onClick={() => setEditing(true)}
            >
              Edit
            </Button>
            <Button
              variant="default"
              c="var(--ph-bad)"
              leftSection={<IconTrash size={16} />}
              onClick={() => setDeleting(true)}
            >
              Delete
            </Button>
          </>
        )
      }
    >
      <Card maw={editing ? 760 : undefined}>
        {editing ? (
          <ContactForm
            powerlistId={contact.powerlist_id}
            contact={contact}
            onSaved={() => setEditing(false)}
            onCancel={() => setEditing(false)}
          />
        ) : (
          <ContactView contact={contact} />
        )}
      </Card>
      <DeleteContact
        contact={contact}
        opened={deleting}
        onClose={() => setDeleting(false)}
        onDeleted={() => void navigate({ to: "/setup/powerlists/$id", params })}
      />
    </Page>
  );
}
