import { Page } from "../../components/Page";

export function WebhooksPage() {
  return <Page title="Webhooks" crumbs={[{ label: "Setup" }]} />;
}
