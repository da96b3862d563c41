import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { isOutbound, webhooksQuery } from "../../api/queries";
import { Page } from "../../components/Page";
import { MetricsBoard } from "./MetricsBoard";

const route = getRouteApi("/frame/metrics");

export function MetricsPage() {
  const { webhook_id: webhookId } = route.useSearch();
  const navigate = route.useNavigate();
  const { data } = useQuery(webhooksQuery);
  const options =
    data?.webhooks.filter(isOutbound).map(({ id, title }) => ({ value: id, label: title })) ?? [];
  // A webhook that was deleted, or that is not among those read, still names the filter.
  const known = webhookId === undefined || options.some(({ value }) => value === webhookId);

  return (
    <Page
      title="Metrics"
      lead="How deliveries are doing. Drag over a chart to zoom in, click into it for the deliveries behind it. Test events are not counted."
      actions={
        <Select
          aria-label="Webhook"
          placeholder="All webhooks"
          data={known ? options : [...options, { value: webhookId, label: webhookId }]}
          value={webhookId ?? null}
          onChange={(id) =>
            void navigate({ search: (before) => ({ ...before, webhook_id: id ?? undefined }) })
          }
          searchable
          clearable
          clearButtonProps={{ "aria-label": "Show all webhooks" }}
          nothingFoundMessage="No webhook matches"
          w={240}
        />
      }
    >
      <MetricsBoard webhookId={webhookId} key={webhookId} />
    </Page>
  );
}
