// Setup > Webhooks > Add.
import { Skeleton } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { serverQuery, webhookQuery } from "../../api/queries";
import { useSession } from "../../api/session";
import { BackButton } from "../../components/buttons";
import { Page } from "../../components/Page";
import { keepNewSecret } from "../webhook/newSecrets";
import { blank, type Values, valuesOf } from "./values";
import { WebhookForm } from "./WebhookForm";

const route = getRouteApi("/frame/setup/webhooks/new");

export function NewWebhookPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const session = useSession();
  const { data: server, isPending } = useQuery(serverQuery);
  const copied = useQuery({
    ...webhookQuery(search.copy_of ?? ""),
    enabled: search.copy_of !== undefined,
    retry: false,
  });
  // Fields keep what they start with, so they wait for it.
  const waiting = isPending || (search.copy_of !== undefined && copied.isPending);

  const { title, url, events, direction, powerlist_id } = search;
  const start: Values = { ...(copied.data ? copyOf(valuesOf(copied.data)) : blank(server)) };
  if (title !== undefined) start.title = title;
  if (url !== undefined) start.url = url;
  if (events !== undefined) start.events = events;
  if (direction !== undefined) start.direction = direction;
  if (powerlist_id !== undefined) start.powerlist_id = powerlist_id;
  return (
    <Page
      title="Add webhook"
      crumbs={[{ label: "Setup" }, { label: "Webhooks", to: "/setup/webhooks" }]}
      back={<BackButton to="/setup/webhooks" />}
      lead="Tell your server of events the moment they happen, or let others bring contacts."
    >
      <div style={{ maxWidth: 760 }}>
        {waiting ? (
          <Skeleton height={480} radius="md" />
        ) : (
          <WebhookForm
            start={start}
            draftKey={`new.${session?.account.id ?? ""}.${JSON.stringify(search)}`}
            onSaved={(webhook) => {
              if (webhook.secret !== undefined) keepNewSecret(webhook.id, webhook.secret);
              notifications.show({ message: `${webhook.title} was added`, color: "teal" });
              void navigate({
                to: "/setup/webhooks/$id",
                params: { id: webhook.id },
                // One that receives shows its URLs at the top.
                search: webhook.direction === "outbound" ? { tab: "test" } : {},
              });
            }}
            onCancel={() => void navigate({ to: "/setup/webhooks" })}
          />
        )}
      </div>
    </Page>
  );
}

function copyOf(values: Values): Values {
  return { ...values, title: `Copy of ${values.title}` };
}
