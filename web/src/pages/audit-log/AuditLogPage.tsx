import { Page } from "../../components/Page";

export function AuditLogPage() {
  return <Page title="Audit log" crumbs={[{ label: "Settings", to: "/settings" }]} />;
}
