import { Page } from "../../components/Page";

export function DeliveriesPage() {
  return <Page title="Deliveries" />;
}
