import { Page } from "../../components/Page";

export function EventTypePage() {
  return (
    <Page
      title="Event type"
      crumbs={[{ label: "Setup" }, { label: "Event types", to: "/setup/event-types" }]}
    />
  );
}
