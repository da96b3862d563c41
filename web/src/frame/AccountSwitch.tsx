// For those who may act in every account: in which one they do.
import { NativeSelect } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { chooseAccount, chosenAccount } from "../api/account";
import { accountsQuery } from "../api/queries";
import { useMay, useSession } from "../api/session";

export function AccountSwitch() {
  const session = useSession();
  const administers = useMay("administer");
  const { data } = useQuery({
    ...accountsQuery,
    enabled: session !== undefined && administers,
  });
  const queries = useQueryClient();
  const navigate = useNavigate();
  if (session === undefined || data === undefined || data.data.length < 2) return null;

  async function change(id: string) {
    chooseAccount(id);
    // Ids of the other account's things mean nothing here.
    await navigate({ to: "/setup/webhooks" });
    await queries.resetQueries();
  }

  return (
    <NativeSelect
      aria-label="Account"
      size="xs"
      maw={180}
      value={chosenAccount() ?? session.account.id}
      onChange={(event) => void change(event.currentTarget.value)}
      data={data.data.map(({ id, name }) => ({ value: id, label: name }))}
    />
  );
}
