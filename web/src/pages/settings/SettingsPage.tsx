// Oneself, the accounts, and how this server is set up.
import { useMay, useSession } from "../../api/session";
import { Page } from "../../components/Page";
import { Accounts } from "./Accounts";
import { Password } from "./Password";
import { Profile } from "./Profile";
import { ServerFacts } from "./ServerFacts";
import classes from "./SettingsPage.module.css";
import { Validation } from "./Validation";

export function SettingsPage() {
  const session = useSession();
  const administers = useMay("administer");
  return (
    <Page title="Settings" lead="You, the accounts, and how this server is set up.">
      {session?.user && (
        <div className={classes.columns}>
          <Profile user={session.user} />
          <Password session={session} />
        </div>
      )}
      {session && <Validation account={session.account} />}
      <ServerFacts />
      {session !== undefined && administers && <Accounts />}
    </Page>
  );
}
