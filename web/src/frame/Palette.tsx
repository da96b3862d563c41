// Ctrl K: goes to places, webhooks and powerlists by name, and anything by its id; runs what the page
// offers.
import "@mantine/spotlight/styles.layer.css";
import { createSpotlight, Spotlight } from "@mantine/spotlight";
import {
  IconAddressBook,
  IconArrowRight,
  IconBolt,
  IconSearch,
  IconWebhook,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { powerlistsQuery } from "../api/contacts";
import { webhookAddress, webhooksQuery } from "../api/queries";
import { useRegisteredActions } from "./actions";
import { usePlaces } from "./Navigation";
import classes from "./Palette.module.css";
import { Keys } from "./ShortcutsSheet";

const [store, palette] = createSpotlight();

/** Webhooks, and powerlists, that are listed at once. */
const FOUND_SHOWN = 8;

/** Opens whenever `asked` rises. */
export function Palette({ asked }: { asked: number }) {
  const [query, setQuery] = useState("");
  const navigate = useNavigate();
  const places = usePlaces().flatMap((group) => group.places);
  const actions = useRegisteredActions();
  const webhooks = useQuery(webhooksQuery).data?.webhooks ?? [];
  const powerlists = useQuery(powerlistsQuery).data?.powerlists ?? [];
  // biome-ignore lint/correctness/useExhaustiveDependencies: each time it is asked for.
  useEffect(() => palette.open(), [asked]);

  const wanted = query.trim().toLowerCase();
  const fits = (text: string) => text.toLowerCase().includes(wanted);
  const id = /^(evt|dlv|wh|pl|ct)_[A-Za-z0-9]+$/.exec(query.trim());
  const found = webhooks
    .filter(
      (webhook) =>
        wanted !== "" &&
        (fits(`${webhook.title} ${webhookAddress(webhook)}`) || `#${webhook.number}` === wanted),
    )
    .slice(0, FOUND_SHOWN);
  const lists = powerlists.filter(({ name }) => wanted !== "" && fits(name)).slice(0, FOUND_SHOWN);
  const offered = actions.filter(({ label }) => fits(label));
  const reached = places.filter(({ label }) => fits(label));

  function goToId(prefix: string, target: string) {
    const params = { id: target };
    if (prefix === "wh") void navigate({ to: "/setup/webhooks/$id", params });
    else if (prefix === "pl") void navigate({ to: "/setup/powerlists/$id", params });
    else if (prefix === "ct") void navigate({ to: "/contacts/$id", params });
    else if (prefix === "evt") void navigate({ to: "/events/$id", params });
    else void navigate({ to: "/deliveries/$id", params });
  }

  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      clearQueryOnClose
      scrollable
      maxHeight={420}
      attributes={{ content: { "aria-label": "Search" } }}
      classNames={{ action: classes.action, actionDescription: classes.description }}
    >
      <Spotlight.Search
        placeholder="Go to a page, a webhook or an id"
        aria-label="Search"
        leftSection={<IconSearch size={18} />}
      />
      <Spotlight.ActionsList>
        {id?.[1] !== undefined && (
          <Spotlight.Action
            label={`Go to ${id[0]}`}
            leftSection={<IconArrowRight size={18} />}
            onClick={() => goToId(id[1] as string, id[0])}
          />
        )}
        {offered.length > 0 && (
          <Spotlight.ActionsGroup label="This page">
            {offered.map(({ id: key, label, description, icon: Shape = IconBolt, run }) => (
              <Spotlight.Action
                key={key}
                label={label}
                description={description}
                leftSection={<Shape size={18} stroke={1.6} />}
                onClick={run}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {found.length > 0 && (
          <Spotlight.ActionsGroup label="Webhooks">
            {found.map((webhook) => (
              <Spotlight.Action
                key={webhook.id}
                label={webhook.title}
                description={webhookAddress(webhook)}
                leftSection={<IconWebhook size={18} stroke={1.6} />}
                onClick={() => goToId("wh", webhook.id)}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {lists.length > 0 && (
          <Spotlight.ActionsGroup label="Powerlists">
            {lists.map(({ id: key, name, description }) => (
              <Spotlight.Action
                key={key}
                label={name}
                description={description || undefined}
                leftSection={<IconAddressBook size={18} stroke={1.6} />}
                onClick={() => goToId("pl", key)}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {reached.length > 0 && (
          <Spotlight.ActionsGroup label="Pages">
            {reached.map(({ label, to, icon: Shape, keys }) => (
              <Spotlight.Action
                key={label}
                label={label}
                leftSection={<Shape size={18} stroke={1.6} />}
                rightSection={keys === undefined ? undefined : <Keys keys={keys} />}
                onClick={() => void navigate({ to })}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {id === null && offered.length + found.length + lists.length + reached.length === 0 && (
          <Spotlight.Empty>Nothing found</Spotlight.Empty>
        )}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
