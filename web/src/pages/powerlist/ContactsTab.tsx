// Who is on the list: searched, filtered by tag, paged. A contact opens beside it on wide screens,
// else on its page.
import { Anchor, Autocomplete, Button, Group, Stack, Text } from "@mantine/core";
import {
  IconFileImport,
  IconFilterOff,
  IconTag,
  IconUserPlus,
  IconUsers,
} from "@tabler/icons-react";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import type { Contact, Powerlist } from "../../api/client";
import { readContacts } from "../../api/contacts";
import { useCursorList } from "../../api/queries";
import { useMay } from "../../api/session";
import { type Column, DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { useCursorPaging } from "../../components/paging";
import { SearchField } from "../../components/SearchField";
import { Split, useRoomForPanel } from "../../components/SidePanel";
import { TimeText } from "../../components/TimeText";
import { useShortcuts } from "../../frame/shortcuts";
import { ContactPanel } from "../contact/ContactPanel";
import { ConsentBadges, Tags } from "../contact/ContactView";
import { nameOf } from "../contact/fields";
import classes from "./PowerlistPage.module.css";

const route = getRouteApi("/frame/setup/powerlists/$id");

export function ContactsTab({ powerlist, onAdd }: { powerlist: Powerlist; onAdd: () => void }) {
  const { id } = powerlist;
  const { q, tag, cursor, selected } = route.useSearch();
  const navigate = useNavigate();
  const wide = useRoomForPanel();
  const mayWrite = useMay("write");
  const list = useCursorList(["contacts", "of", id, { q, tag, cursor }], () =>
    readContacts(id, { q, tag }, cursor),
  );
  // A contact that a webhook has brought in should be in sight; the count says that there is one.
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever the list has changed.
  useEffect(() => {
    if (list.rows !== undefined) list.retry();
  }, [powerlist.contacts]);
  const paging = useCursorPaging(cursor, list.nextCursor);
  const filtered = q !== undefined || tag !== undefined;

  const change = (to: Record<string, string | undefined>, replace = false) =>
    void navigate({
      to: "/setup/powerlists/$id",
      params: { id },
      search: { q, tag, cursor, selected, ...to },
      resetScroll: false,
      replace,
    });
  const filter = (to: { q?: string; tag?: string }) =>
    change({ cursor: undefined, selected: undefined, ...to }, true);
  const close = () => change({ selected: undefined });
  function open({ id: contact }: Contact) {
    if (wide) change({ selected: contact });
    else void navigate({ to: "/contacts/$id", params: { id: contact } });
  }

  // A link with an open panel, on a screen that has no room for one.
  useEffect(() => {
    if (!wide && selected !== undefined) {
      void navigate({ to: "/contacts/$id", params: { id: selected }, replace: true });
    }
  }, [wide, selected, navigate]);
  useShortcuts(
    selected === undefined
      ? []
      : [{ keys: "Escape", label: "Close the panel", group: "This page", run: close }],
  );

  const panel = wide && selected !== undefined;
  const tags = useMemo(
    () => [...new Set(list.rows?.flatMap((contact) => contact.tags))].sort(),
    [list.rows],
  );
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <SearchField
          label="Search contacts"
          placeholder="Search by phone, name or e-mail"
          value={q}
          onChange={(to) => filter({ q: to })}
        />
        <TagFilter value={tag} known={tags} onChange={(to) => filter({ tag: to })} />
      </Group>
      <Split
        list={
          <DataTable
            label="Contacts"
            columns={columns(panel, (contact) => (wide ? () => open(contact) : undefined))}
            rows={list.rows}
            rowId={(contact) => contact.id}
            rowName={(contact) => nameOf(contact) ?? contact.phone_number}
            error={list.error}
            onRetry={list.retry}
            stale={list.stale}
            onOpen={open}
            openId={panel ? selected : undefined}
            paging={paging}
            empty={
              filtered ? (
                <EmptyState
                  icon={IconFilterOff}
                  title="No contacts match"
                  text="Nobody on this list has what you look for."
                >
                  <Button
                    variant="default"
                    onClick={() => filter({ q: undefined, tag: undefined })}
                  >
                    Clear filters
                  </Button>
                </EmptyState>
              ) : (
                <NobodyYet powerlistId={id} mayWrite={mayWrite} onAdd={onAdd} />
              )
            }
          />
        }
        panel={panel ? <ContactPanel key={selected} id={selected} onClose={close} /> : null}
      />
    </Stack>
  );
}

function NobodyYet(props: { powerlistId: string; mayWrite: boolean; onAdd: () => void }) {
  const { powerlistId, mayWrite, onAdd } = props;
  return (
    <EmptyState
      icon={IconUsers}
      title="Nobody is on this list yet"
      text="Let your CRM post contacts to a webhook that receives, import a CSV file, or add somebody by hand."
    >
      {mayWrite && (
        <>
          <Button
            component={Link}
            to="/setup/webhooks/new"
            search={{ direction: "inbound", powerlist_id: powerlistId } as never}
            variant="default"
          >
            Add a webhook
          </Button>
          <Button
            component={Link}
            to="/setup/powerlists/$id/import"
            params={{ id: powerlistId } as never}
            variant="default"
            leftSection={<IconFileImport size={16} />}
          >
            Import CSV
          </Button>
          <Button leftSection={<IconUserPlus size={16} />} onClick={onAdd}>
            Add contact
          </Button>
        </>
      )}
    </EmptyState>
  );
}

/** Any tag can be asked for; those on the page are offered. */
function TagFilter(props: {
  value: string | undefined;
  known: string[];
  onChange: (tag: string | undefined) => void;
}) {
  const { value, known, onChange } = props;
  const [typed, setTyped] = useState(value ?? "");
  useEffect(() => setTyped(value ?? ""), [value]);
  const send = (text: string) => onChange(text.trim() || undefined);
  return (
    <Autocomplete
      aria-label="Tag"
      placeholder="Any tag"
      className={classes.tagFilter}
      leftSection={<IconTag size={16} />}
      data={known}
      clearable
      clearButtonProps={{ "aria-label": "Any tag" }}
      value={typed}
      onChange={(text) => {
        setTyped(text);
        if (text === "") onChange(undefined);
      }}
      onOptionSubmit={send}
      onBlur={() => send(typed)}
      onKeyDown={(event) => {
        if (event.key === "Enter") send(typed);
      }}
    />
  );
}

/** How many tags stand in a row; the rest is counted. */
const TAGS_SHOWN = 3;

function columns(
  panel: boolean,
  opens: (contact: Contact) => (() => void) | undefined,
): Column<Contact>[] {
  const all: Column<Contact>[] = [
    {
      key: "phone_number",
      header: "Phone",
      width: 160,
      card: "title",
      cell: (contact) => (
        <Anchor
          component={Link}
          to="/contacts/$id"
          params={{ id: contact.id } as never}
          className="mono"
          c="inherit"
          fw={600}
          onClick={(event) => {
            const openBeside = opens(contact);
            if (openBeside === undefined || event.ctrlKey || event.metaKey || event.shiftKey)
              return;
            event.preventDefault();
            openBeside();
          }}
        >
          {contact.phone_number}
        </Anchor>
      ),
    },
    {
      key: "name",
      header: "Name",
      cell: (contact) => <span className={classes.text}>{nameOf(contact) ?? <Unknown />}</span>,
    },
    {
      key: "email",
      header: "E-mail",
      cell: ({ email }) => <span className={classes.text}>{email ?? <Unknown />}</span>,
    },
    {
      key: "tags",
      header: "Tags",
      cell: ({ tags }) =>
        tags.length === 0 ? (
          <Unknown />
        ) : (
          <span className={classes.tags}>
            <Tags tags={tags.slice(0, TAGS_SHOWN)} />
            {tags.length > TAGS_SHOWN && (
              <Text span size="xs" c="dimmed" title={tags.slice(TAGS_SHOWN).join(", ")}>
                +{tags.length - TAGS_SHOWN}
              </Text>
            )}
          </span>
        ),
    },
    {
      key: "consent",
      header: "Consent",
      width: 160,
      cell: (contact) => (
        <span className={classes.tags}>
          <ConsentBadges contact={contact} />
        </span>
      ),
    },
    {
      key: "updated_at",
      header: "Updated",
      width: 130,
      cell: ({ updated_at }) => <TimeText at={updated_at} />,
    },
  ];
  const beside = ["phone_number", "name", "updated_at"];
  return panel ? all.filter(({ key }) => beside.includes(key)) : all;
}

function Unknown() {
  return (
    <Text span c="dimmed">
      —
    </Text>
  );
}
