import { Page } from "../../components/Page";

export function EventTypesPage() {
  return <Page title="Event types" crumbs={[{ label: "Setup" }]} />;
}
