import { Page } from "../../components/Page";

export function EventPage() {
  return <Page title="Event" crumbs={[{ label: "Deliveries", to: "/deliveries" }]} />;
}
