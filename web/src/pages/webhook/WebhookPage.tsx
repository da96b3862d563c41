import { Page } from "../../components/Page";

export function WebhookPage() {
  return (
    <Page
      title="Webhook"
      crumbs={[{ label: "Setup" }, { label: "Webhooks", to: "/setup/webhooks" }]}
    />
  );
}
