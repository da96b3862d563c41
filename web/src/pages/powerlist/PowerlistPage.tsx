// Setup > Powerlists > a list: who is on it, what was imported, what it is set to.
import { Anchor, Button, Card, Skeleton, Tabs, Text } from "@mantine/core";
import { IconFileExport, IconFileImport, IconUserPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, type Powerlist } from "../../api/client";
import { powerlistQuery } from "../../api/contacts";
import { webhooksQuery } from "../../api/queries";
import { useMay } from "../../api/session";
import { BackButton } from "../../components/buttons";
import { countryName } from "../../components/countries";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { IdCopy } from "../../components/IdCopy";
import { Page } from "../../components/Page";
import { Badge } from "../../components/StatusBadge";
import { formatCount } from "../../format";
import { usePaletteActions } from "../../frame/actions";
import { useShortcuts } from "../../frame/shortcuts";
import { powerlistTabs } from "../../router";
import { exportContacts } from "../powerlists/export";
import { AddContact } from "./AddContact";
import { ContactsTab } from "./ContactsTab";
import { ImportsTab } from "./ImportsTab";
import classes from "./PowerlistPage.module.css";
import { SettingsTab } from "./SettingsTab";

const route = getRouteApi("/frame/setup/powerlists/$id");

const REFRESH_MS = 5_000;

type Tab = (typeof powerlistTabs)[number];

const tabNames: Record<Tab, string> = {
  contacts: "Contacts",
  imports: "Imports",
  settings: "Settings",
};

const crumbs = [{ label: "Setup" }, { label: "Powerlists", to: "/setup/powerlists" }] as const;

export function PowerlistPage() {
  const { id } = route.useParams();
  const { data, error, refetch } = useQuery({
    ...powerlistQuery(id),
    refetchInterval: REFRESH_MS,
  });
  if (data !== undefined) return <Detail key={id} powerlist={data} />;
  const gone = error instanceof ApiProblem && error.status === 404;
  return (
    <Page title="Powerlist" crumbs={[...crumbs]} back={<BackButton to="/setup/powerlists" />}>
      {error === null ? (
        <>
          <span className="visually-hidden" role="status">
            Loading the powerlist
          </span>
          <Skeleton height={90} radius="md" />
          <Skeleton height={360} radius="md" />
        </>
      ) : (
        <Card>
          {gone ? (
            <EmptyState
              title="There is no such powerlist"
              text="It was deleted, or it belongs to another account."
            />
          ) : (
            <ErrorState
              error={error}
              title="The powerlist could not be loaded"
              onRetry={() => void refetch()}
            />
          )}
        </Card>
      )}
    </Page>
  );
}

function Detail({ powerlist }: { powerlist: Powerlist }) {
  const { id, name, description, contacts } = powerlist;
  const { tab = "contacts" } = route.useSearch();
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const [adding, setAdding] = useState(false);

  // Filters belong to the tab they were set in.
  const open = (to: Tab) =>
    void navigate({
      to: "/setup/powerlists/$id",
      params: { id },
      search: { tab: to === "contacts" ? undefined : to },
      resetScroll: false,
    });
  useShortcuts(
    mayWrite
      ? [{ keys: "n", label: "Add a contact", group: "This page", run: () => setAdding(true) }]
      : [],
  );
  usePaletteActions([
    {
      id: "export-contacts",
      label: "Export contacts as CSV",
      icon: IconFileExport,
      run: () => void exportContacts(powerlist),
    },
  ]);

  return (
    <Page
      title={name}
      crumbs={[...crumbs]}
      back={<BackButton to="/setup/powerlists" />}
      badge={
        <Badge tone="neutral">
          {contacts === 1 ? "1 contact" : `${formatCount(contacts)} contacts`}
        </Badge>
      }
      lead={description || undefined}
      actions={
        <>
          <Button
            variant="default"
            leftSection={<IconFileExport size={16} />}
            disabled={contacts === 0}
            onClick={() => void exportContacts(powerlist)}
          >
            Export CSV
          </Button>
          {mayWrite && (
            <>
              <Button
                variant="default"
                leftSection={<IconFileImport size={16} />}
                component={Link}
                to="/setup/powerlists/$id/import"
                params={{ id } as never}
              >
                Import CSV
              </Button>
              <Button leftSection={<IconUserPlus size={16} />} onClick={() => setAdding(true)}>
                Add contact
              </Button>
            </>
          )}
        </>
      }
    >
      <Connections powerlist={powerlist} />
      <Tabs
        value={tab}
        onChange={(to) => to !== null && open(to as Tab)}
        keepMounted={false}
        activateTabWithKeyboard={false}
      >
        <Tabs.List>
          {powerlistTabs.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {tabNames[each]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="contacts" pt="md">
          <ContactsTab powerlist={powerlist} onAdd={() => setAdding(true)} />
        </Tabs.Panel>
        <Tabs.Panel value="imports" pt="md">
          <ImportsTab powerlistId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="settings" pt="md">
          <SettingsTab powerlist={powerlist} />
        </Tabs.Panel>
      </Tabs>
      {adding && <AddContact powerlistId={id} onClose={() => setAdding(false)} />}
    </Page>
  );
}

/** Which webhooks bring contacts to the list, and which are told only of it. */
function Connections({ powerlist }: { powerlist: Powerlist }) {
  const { data } = useQuery(webhooksQuery);
  const mayWrite = useMay("write");
  const mine = data?.webhooks.filter(({ powerlist_id }) => powerlist_id === powerlist.id) ?? [];
  const filling = mine.filter(({ direction }) => direction === "inbound");
  const told = mine.filter(({ direction }) => direction === "outbound");
  return (
    <Card component="section" aria-label="What the list is connected to">
      <dl className={classes.connections}>
        <div>
          <dt>Filled by</dt>
          <dd>
            {filling.length === 0 ? (
              <Text span size="sm" c="dimmed">
                No webhook yet.{" "}
                {mayWrite && (
                  <Anchor
                    component={Link}
                    to="/setup/webhooks/new"
                    search={{ direction: "inbound", powerlist_id: powerlist.id } as never}
                    inherit
                  >
                    Add one
                  </Anchor>
                )}
              </Text>
            ) : (
              <Links webhooks={filling} />
            )}
          </dd>
        </div>
        <div>
          <dt>Told only of this list</dt>
          <dd>
            {told.length === 0 ? (
              <Text span size="sm" c="dimmed">
                No webhook
              </Text>
            ) : (
              <Links webhooks={told} />
            )}
          </dd>
        </div>
        <div>
          <dt>Numbers without country code</dt>
          <dd>{countryName(powerlist.default_country)}</dd>
        </div>
        <div>
          <dt>Powerlist id</dt>
          <dd>
            <IdCopy id={powerlist.id} what="powerlist id" />
          </dd>
        </div>
      </dl>
    </Card>
  );
}

function Links({ webhooks }: { webhooks: { id: string; title: string }[] }) {
  return webhooks.map(({ id, title }) => (
    <Anchor
      key={id}
      component={Link}
      to="/setup/webhooks/$id"
      params={{ id } as never}
      className={classes.link}
    >
      {title}
    </Anchor>
  ));
}
