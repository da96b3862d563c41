// Who is signed in, and what they may do. The server decides; this only hides what it would refuse.
import { useQuery } from "@tanstack/react-query";
import type { Session } from "./client";
import { sessionQuery } from "./queries";

/** `manage`: users, API keys and the audit log. `administer`: accounts and the platform's keys. */
export type Ability = "write" | "publish" | "see_secrets" | "manage" | "administer";

const abilities: Record<Session["role"], readonly Ability[]> = {
  owner: ["write", "publish", "see_secrets", "manage", "administer"],
  platform: ["write", "publish", "see_secrets", "manage", "administer"],
  account: ["write", "publish", "see_secrets", "manage"],
  editor: ["write", "publish", "see_secrets"],
  publish: ["publish"],
  viewer: [],
  read: [],
};

export function useSession(): Session | undefined {
  return useQuery(sessionQuery).data;
}

export function useMay(ability: Ability): boolean {
  const session = useSession();
  // A server without sessions checks the key that the request carries, which is not known here.
  if (session === undefined) return true;
  const reaches = ability !== "administer" || session.accounts_allowed === "all";
  return reaches && abilities[session.role].includes(ability);
}
