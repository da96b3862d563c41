import { Page } from "../../components/Page";

export function NewWebhookPage() {
  return (
    <Page
      title="Add webhook"
      crumbs={[{ label: "Setup" }, { label: "Webhooks", to: "/setup/webhooks" }]}
    />
  );
}
