import { Page } from "../../components/Page";

export function AppearancePage() {
  return <Page title="Appearance" crumbs={[{ label: "Settings", to: "/settings" }]} />;
}
