import { Page } from "../../components/Page";
import { DeliveryLog } from "./DeliveryLog";

export function DeliveriesPage() {
  return (
    <Page title="Deliveries" lead="Every event on its way to a webhook, and how it went.">
      <DeliveryLog />
    </Page>
  );
}
