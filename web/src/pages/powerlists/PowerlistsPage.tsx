import { Page } from "../../components/Page";

export function PowerlistsPage() {
  return <Page title="Powerlists" crumbs={[{ label: "Setup" }]} />;
}
