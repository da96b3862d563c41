import { Page } from "../../components/Page";

export function EditWebhookPage() {
  return (
    <Page
      title="Edit webhook"
      crumbs={[{ label: "Setup" }, { label: "Webhooks", to: "/setup/webhooks" }]}
    />
  );
}
