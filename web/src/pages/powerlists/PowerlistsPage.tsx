// Setup > Powerlists: the calling lists of the account.
import { ActionIcon, Anchor, Button, Group, Text, Tooltip } from "@mantine/core";
import {
  IconAddressBook,
  IconFileExport,
  IconFileImport,
  IconPencil,
  IconPlus,
  IconSearch,
  IconTrash,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Powerlist } from "../../api/client";
import { powerlistsQuery } from "../../api/contacts";
import { useMay } from "../../api/session";
import { countryName } from "../../components/countries";
import { type Column, DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { Page } from "../../components/Page";
import { SearchField } from "../../components/SearchField";
import { TimeText } from "../../components/TimeText";
import { formatCount } from "../../format";
import { useShortcuts } from "../../frame/shortcuts";
import { CreatePowerlist } from "./CreatePowerlist";
import { DeletePowerlist } from "./DeletePowerlist";
import { exportContacts } from "./export";
import { type ListSearch, type SortKey, shown, sortOf } from "./list";
import classes from "./PowerlistsPage.module.css";

const route = getRouteApi("/frame/setup/powerlists");

/** Webhooks and imports fill lists while one looks. */
const REFRESH_MS = 5_000;

export function PowerlistsPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const { data, error, refetch } = useQuery({ ...powerlistsQuery, refetchInterval: REFRESH_MS });
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Powerlist | null>(null);
  const rows = data && shown(data.powerlists, search);
  const isNew = data?.powerlists.length === 0;

  const change = (to: ListSearch, replace = false) =>
    void navigate({ to: "/setup/powerlists", search: { ...search, ...to }, replace });
  useShortcuts(
    mayWrite
      ? [
          {
            keys: "n",
            label: "Create a powerlist",
            group: "This page",
            run: () => setCreating(true),
          },
        ]
      : [],
  );
  const add = mayWrite && (
    <Button
      color="yellow.5"
      c="black"
      leftSection={<IconPlus size={16} />}
      onClick={() => setCreating(true)}
    >
      Add
    </Button>
  );

  return (
    <Page
      title="Powerlists"
      crumbs={[{ label: "Setup" }]}
      lead="Calling lists: each contact is on a list once, known by its phone number."
      actions={add}
    >
      {!isNew && (
        <Group>
          <SearchField
            label="Search powerlists"
            placeholder="Search by name"
            value={search.q}
            onChange={(q) => change({ q }, true)}
          />
        </Group>
      )}
      <DataTable
        label="Powerlists"
        columns={columns(mayWrite, setDeleting)}
        rows={rows}
        rowId={({ id }) => id}
        rowName={({ name }) => name}
        error={error}
        onRetry={() => void refetch()}
        sort={sortOf(search)}
        onSort={({ key, order }) => change({ sort: key as SortKey, order })}
        onOpen={({ id }) => void navigate({ to: "/setup/powerlists/$id", params: { id } })}
        empty={
          isNew ? (
            <EmptyState
              icon={IconAddressBook}
              title="No powerlists yet"
              text="A powerlist is a list of people to call. Contacts come to it from your CRM through a webhook that receives, from a CSV file, or by hand; each change is told to the webhooks that send."
            >
              {add}
              {!mayWrite && (
                <Text c="dimmed" size="sm">
                  Someone who may write has to create the first one.
                </Text>
              )}
            </EmptyState>
          ) : (
            <EmptyState
              icon={IconSearch}
              title="No powerlists match"
              text={`None of ${formatCount(data?.powerlists.length ?? 0)} has what you look for.`}
            >
              <Button variant="default" onClick={() => change({ q: undefined })}>
                Clear search
              </Button>
            </EmptyState>
          )
        }
        paging={
          data?.complete === false
            ? { note: `The newest ${formatCount(data.powerlists.length)} powerlists` }
            : undefined
        }
      />
      {creating && (
        <CreatePowerlist
          onClose={() => setCreating(false)}
          onCreated={({ id }) => void navigate({ to: "/setup/powerlists/$id", params: { id } })}
        />
      )}
      <DeletePowerlist powerlist={deleting} onClose={() => setDeleting(null)} />
    </Page>
  );
}

function columns(mayWrite: boolean, onDelete: (powerlist: Powerlist) => void): Column<Powerlist>[] {
  return [
    {
      key: "name",
      header: "Name",
      sortable: true,
      card: "title",
      cell: ({ id, name, description }) => (
        <div className={classes.name}>
          <Anchor
            component={Link}
            to="/setup/powerlists/$id"
            params={{ id } as never}
            c="inherit"
            fw={600}
          >
            {name}
          </Anchor>
          {description !== "" && (
            <Text size="xs" c="dimmed" lineClamp={1} title={description}>
              {description}
            </Text>
          )}
        </div>
      ),
    },
    {
      key: "contacts",
      header: "Contacts",
      sortable: true,
      align: "right",
      width: 120,
      cell: ({ contacts }) => <span className="tabular">{formatCount(contacts)}</span>,
    },
    {
      key: "default_country",
      header: "Default country",
      width: 170,
      cell: ({ default_country }) => countryName(default_country),
    },
    {
      key: "created_at",
      header: "Created At",
      sortable: true,
      width: 190,
      cell: ({ created_at }) => <TimeText at={created_at} as="minutes" />,
    },
    {
      key: "action",
      header: "Action",
      width: 150,
      card: "actions",
      cell: (powerlist) => (
        <RowActions
          powerlist={powerlist}
          mayWrite={mayWrite}
          onDelete={() => onDelete(powerlist)}
        />
      ),
    },
  ];
}

const look = { variant: "subtle", color: "gray", c: "dimmed", size: 30 } as const;

function RowActions(props: { powerlist: Powerlist; mayWrite: boolean; onDelete: () => void }) {
  const { powerlist, mayWrite, onDelete } = props;
  const { id, name } = powerlist;
  const icon = { size: 17, stroke: 1.7, "aria-hidden": true } as const;
  return (
    <Group gap={2} wrap="nowrap">
      {mayWrite && (
        <>
          <Tooltip label="Rename">
            <ActionIcon
              {...look}
              component={Link}
              to="/setup/powerlists/$id"
              params={{ id } as never}
              search={{ tab: "settings" } as never}
              aria-label={`Rename ${name}`}
            >
              <IconPencil {...icon} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Delete">
            <ActionIcon {...look} aria-label={`Delete ${name}`} onClick={onDelete}>
              <IconTrash {...icon} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Import CSV">
            <ActionIcon
              {...look}
              component={Link}
              to="/setup/powerlists/$id/import"
              params={{ id } as never}
              aria-label={`Import into ${name}`}
            >
              <IconFileImport {...icon} />
            </ActionIcon>
          </Tooltip>
        </>
      )}
      <Tooltip label="Export CSV">
        <ActionIcon
          {...look}
          aria-label={`Export ${name}`}
          onClick={() => void exportContacts(powerlist)}
        >
          <IconFileExport {...icon} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
