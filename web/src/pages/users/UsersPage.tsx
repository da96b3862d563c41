// Who may sign in, and as what.
import { Button, Group, Text } from "@mantine/core";
import { IconLink, IconPencil, IconPlus, IconTrash, IconUsers } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { answer, client, type SignInLink, type User } from "../../api/client";
import { accountsQuery, useAction, useCursorList } from "../../api/queries";
import { useMay, useSession } from "../../api/session";
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
import { EditUser } from "./EditUser";
import { InviteUser } from "./InviteUser";
import { LinkDialog } from "./LinkDialog";
import { RemoveUser } from "./RemoveUser";
import { isLastOwner, roleWord } from "./roles";

const route = getRouteApi("/frame/settings/users");

type Dialog =
  | { is: "invite" }
  | { is: "edit" | "remove"; user: User }
  | { is: "link"; user: User; link: SignInLink };

export function UsersPage() {
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const manages = useMay("manage");
  const label = "Invite somebody";
  const invite = () => setDialog({ is: "invite" });
  useShortcuts(manages ? [{ keys: "n", label, group: "This page", run: invite }] : []);
  usePaletteActions(manages ? [{ id: "invite", label, icon: IconUsers, run: invite }] : []);
  return (
    <Page
      title="Users"
      crumbs={[{ label: "Settings", to: "/settings" }]}
      lead="Who may sign in, and what they may do."
      actions={
        manages && (
          <Button color="yellow.5" c="black" leftSection={<IconPlus size={16} />} onClick={invite}>
            Invite
          </Button>
        )
      }
    >
      <NeedsManage what="Users">
        <UserList dialog={dialog} setDialog={setDialog} />
      </NeedsManage>
    </Page>
  );
}

interface ListProps {
  dialog: Dialog | null;
  setDialog: (dialog: Dialog | null) => void;
}

function UserList({ dialog, setDialog }: ListProps) {
  const { cursor } = route.useSearch();
  const me = useSession()?.user;
  const list = useCursorList(["users", { cursor }], () =>
    answer(client.GET("/v1/users", { params: { query: { limit: 50, cursor } } })),
  );
  const paging = useCursorPaging(cursor, list.nextCursor);
  const accountName = useAccountNames();
  const isWhole = cursor === undefined && list.nextCursor === null;
  const last = (user: User) => isWhole && isLastOwner(user, list.rows ?? []);

  const makeLink = useAction({
    run: (user: User) =>
      answer(client.POST("/v1/users/{id}/link", { params: { path: { id: user.id } } })),
    failed: "Could not make a sign-in link",
    invalidates: [["audit-log"]],
    onDone: (link, user) => setDialog({ is: "link", user, link }),
  });

  const columns: Column<User>[] = [
    {
      key: "name",
      header: "Name",
      card: "title",
      cell: (user) => (
        <div>
          <Group gap={8}>
            <Text fw={550} component="span">
              {user.name}
            </Text>
            {user.id === me?.id && <Badge tone="accent">You</Badge>}
          </Group>
          <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {user.email}
          </Text>
        </div>
      ),
    },
    {
      key: "role",
      header: "Role",
      card: "badge",
      cell: ({ role }) => (
        <Badge tone={role === "owner" ? "info" : "neutral"}>{roleWord(role)}</Badge>
      ),
    },
    ...(accountName === null
      ? []
      : [
          {
            key: "account",
            header: "Account",
            cell: (user: User) =>
              user.account_id === null ? "All accounts" : accountName(user.account_id),
          },
        ]),
    {
      key: "last_sign_in_at",
      header: "Last sign-in",
      cell: (user) => <TimeText at={user.last_sign_in_at} never="Not yet" />,
    },
    {
      key: "created_at",
      header: "Added",
      cell: (user) => <TimeText at={user.created_at} as="minutes" />,
    },
    {
      key: "actions",
      header: "Action",
      card: "actions",
      width: 120,
      cell: (user) => (
        <Group gap={4} wrap="nowrap">
          <RowButton label={`Edit ${user.name}`} onClick={() => setDialog({ is: "edit", user })}>
            <IconPencil size={17} />
          </RowButton>
          <RowButton
            label={`New sign-in link for ${user.name}`}
            busy={makeLink.isPending && makeLink.variables.id === user.id}
            onClick={() => makeLink.mutate(user)}
          >
            <IconLink size={17} />
          </RowButton>
          <RowButton
            label={`Remove ${user.name}`}
            onClick={() => setDialog({ is: "remove", user })}
          >
            <IconTrash size={17} />
          </RowButton>
        </Group>
      ),
    },
  ];

  const close = () => setDialog(null);
  return (
    <>
      <DataTable
        label="Users"
        columns={columns}
        rows={list.rows}
        rowId={({ id }) => id}
        error={list.error}
        onRetry={list.retry}
        stale={list.stale}
        paging={paging}
        empty={
          <EmptyState
            icon={IconUsers}
            title="No users yet"
            text="Programs come in with API keys. Invite somebody to let them sign in here."
          >
            <Button variant="default" onClick={() => setDialog({ is: "invite" })}>
              Invite somebody
            </Button>
          </EmptyState>
        }
      />
      <InviteUser opened={dialog?.is === "invite"} onClose={close} />
      <LinkDialog shown={dialog?.is === "link" ? dialog : null} onClose={close} />
      {dialog?.is === "edit" && (
        <EditUser
          key={dialog.user.id}
          user={dialog.user}
          isLastOwner={last(dialog.user)}
          onClose={close}
        />
      )}
      {dialog?.is === "remove" && (
        <RemoveUser
          user={dialog.user}
          isMe={dialog.user.id === me?.id}
          isLastOwner={last(dialog.user)}
          onClose={close}
        />
      )}
    </>
  );
}

/** Names accounts, for those who see more than one. */
function useAccountNames(): ((id: string) => string) | null {
  const administers = useMay("administer");
  const { data } = useQuery({ ...accountsQuery, enabled: administers });
  if (!administers || data === undefined || data.data.length < 2) return null;
  return (id) => data.data.find((account) => account.id === id)?.name ?? id;
}
