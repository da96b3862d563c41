import { Page } from "../../components/Page";

export function UsersPage() {
  return <Page title="Users" crumbs={[{ label: "Settings", to: "/settings" }]} />;
}
