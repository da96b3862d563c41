// The keys by which programs come in.
import { Button, SegmentedControl, Text } from "@mantine/core";
import { IconKey, IconPlus, IconTrash } from "@tabler/icons-react";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answer, client, done, type Schemas } from "../../api/client";
import { useAction, useCursorList } from "../../api/queries";
import { useMay, useSession } from "../../api/session";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { type Column, DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { NeedsManage } from "../../components/NeedsManage";
import { Page } from "../../components/Page";
import { useCursorPaging } from "../../components/paging";
import { RowButton } from "../../components/RowButton";
import { Badge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { usePaletteActions } from "../../frame/actions";
import { useShortcuts } from "../../frame/shortcuts";
import { CreateKey } from "./CreateKey";
import { keyRoleWord } from "./keys";

type Key = Schemas["ApiKey"];

const route = getRouteApi("/frame/setup/api-keys");

export function ApiKeysPage() {
  const [creating, setCreating] = useState(false);
  const manages = useMay("manage");
  const label = "Create an API key";
  const create = () => setCreating(true);
  useShortcuts(manages ? [{ keys: "n", label, group: "This page", run: create }] : []);
  usePaletteActions(manages ? [{ id: "key", label, icon: IconKey, run: create }] : []);
  return (
    <Page
      title="API keys"
      crumbs={[{ label: "Setup" }]}
      lead="Programs come in with a key: to post events, or to do by API whatever this dashboard does."
      actions={
        manages && (
          <Button color="yellow.5" c="black" leftSection={<IconPlus size={16} />} onClick={create}>
            Add
          </Button>
        )
      }
    >
      <NeedsManage what="API keys">
        <KeyList onCreate={create} />
        <CreateKey opened={creating} onClose={() => setCreating(false)} />
      </NeedsManage>
    </Page>
  );
}

function KeyList({ onCreate }: { onCreate: () => void }) {
  const { cursor, role } = route.useSearch();
  const navigate = useNavigate();
  const administers = useMay("administer");
  const account = useSession()?.account.name ?? "default";
  const [deleting, setDeleting] = useState<Key | null>(null);
  const list = useCursorList(["api-keys", { role, cursor }], () =>
    answer(client.GET("/v1/api-keys", { params: { query: { role, cursor, limit: 50 } } })),
  );
  const paging = useCursorPaging(cursor, list.nextCursor);

  const columns: Column<Key>[] = [
    {
      key: "name",
      header: "Name",
      card: "title",
      cell: ({ name }) => (
        <Text fw={550} component="span">
          {name}
        </Text>
      ),
    },
    {
      key: "role",
      header: "Role",
      card: "badge",
      cell: (key) => (
        <Badge tone={key.role === "platform" ? "info" : "neutral"}>{keyRoleWord(key.role)}</Badge>
      ),
    },
    {
      key: "hint",
      header: "Begins with",
      cell: ({ hint }) => <span className="mono">{hint}…</span>,
    },
    {
      key: "created_at",
      header: "Created At",
      cell: (key) => <TimeText at={key.created_at} as="minutes" />,
    },
    {
      key: "action",
      header: "Action",
      card: "actions",
      width: 80,
      cell: (key) => (
        <RowButton label={`Delete ${key.name}`} onClick={() => setDeleting(key)}>
          <IconTrash size={17} />
        </RowButton>
      ),
    },
  ];

  return (
    <>
      {administers && (
        <SegmentedControl
          aria-label="Whose keys"
          value={role ?? ""}
          onChange={(chosen) =>
            void navigate({
              to: "/setup/api-keys",
              search: { role: chosen === "platform" ? chosen : undefined },
            })
          }
          data={[
            { value: "", label: `Account ${account}` },
            { value: "platform", label: "Platform" },
          ]}
          style={{ alignSelf: "flex-start" }}
        />
      )}
      <DataTable
        label="API keys"
        columns={columns}
        rows={list.rows}
        rowId={({ id }) => id}
        error={list.error}
        onRetry={list.retry}
        stale={list.stale}
        paging={paging}
        empty={
          <EmptyState
            icon={IconKey}
            title={role === "platform" ? "No platform keys" : "No API keys in this account yet"}
            text="A program needs one to post events. Create one that may do no more than that."
          >
            <Button variant="default" onClick={onCreate}>
              Create an API key
            </Button>
          </EmptyState>
        }
      />
      {deleting && <DeleteKey apiKey={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}

function DeleteKey({ apiKey, onClose }: { apiKey: Key; onClose: () => void }) {
  const { id, name, hint } = apiKey;
  const remove = useAction({
    run: () => done(client.DELETE("/v1/api-keys/{id}", { params: { path: { id } } })),
    invalidates: [["api-keys"], ["audit-log"]],
    done: `${name} was deleted`,
    failed: "Could not delete the API key",
    onDone: onClose,
  });
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Delete ${name}?`}
      confirmLabel="Delete"
      danger
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
    >
      Programs that use the key <span className="mono">{hint}…</span> are refused from now on. This
      cannot be undone; a new key has another text.
    </ConfirmDialog>
  );
}
