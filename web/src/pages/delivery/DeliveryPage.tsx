import { Page } from "../../components/Page";

export function DeliveryPage() {
  return <Page title="Delivery" crumbs={[{ label: "Deliveries", to: "/deliveries" }]} />;
}
