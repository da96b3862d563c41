// Setup > Webhooks > a webhook > Edit.
import { Card, Skeleton } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { webhookQuery } from "../../api/queries";
import { BackButton } from "../../components/buttons";
import { ErrorState } from "../../components/ErrorState";
import { Page } from "../../components/Page";
import { StatusBadge } from "../../components/StatusBadge";
import { valuesOf } from "./values";
import { WebhookForm } from "./WebhookForm";

const route = getRouteApi("/frame/setup/webhooks/$id/edit");

export function EditWebhookPage() {
  const { id } = route.useParams();
  const navigate = useNavigate();
  const { data: webhook, error, refetch } = useQuery(webhookQuery(id));

  return (
    <Page
      title={webhook === undefined ? "Edit webhook" : `Edit ${webhook.title}`}
      crumbs={[
        { label: "Setup" },
        { label: "Webhooks", to: "/setup/webhooks" },
        { label: webhook?.title ?? id, to: "/setup/webhooks/$id", params: { id } },
      ]}
      back={<BackButton to={`/setup/webhooks/${id}` as never} />}
      badge={webhook && <StatusBadge status={webhook.status} />}
    >
      <div style={{ maxWidth: 760 }}>
        {webhook !== undefined ? (
          <WebhookForm
            key={id}
            webhook={webhook}
            start={valuesOf(webhook)}
            draftKey={`edit.${id}`}
            onSaved={(saved) => {
              notifications.show({ message: `${saved.title} was saved`, color: "teal" });
              void navigate({ to: "/setup/webhooks/$id", params: { id } });
            }}
            onCancel={() => void navigate({ to: "/setup/webhooks/$id", params: { id } })}
          />
        ) : error !== null ? (
          <Card>
            <ErrorState
              error={error}
              title="The webhook could not be loaded"
              onRetry={() => void refetch()}
            />
          </Card>
        ) : (
          <Skeleton height={480} radius="md" />
        )}
      </div>
    </Page>
  );
}
