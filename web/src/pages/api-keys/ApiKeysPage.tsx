import { Page } from "../../components/Page";

export function ApiKeysPage() {
  return <Page title="API keys" crumbs={[{ label: "Setup" }]} />;
}
