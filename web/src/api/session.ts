// Who is signed in, and what they may do. The server decides; this only hides what it would refuse.
import { useQuery } from "@tanstack/react-query";
import type { Session } from "./client";
import { sessionQuery } from "./queries";

/** `manage`: users, API keys and the audit log. */
export type Ability = "write" | "publish" | "see_secrets" | "manage";

const abilities: Record<Session["role"], readonly Ability[]> = {
  owner: ["write", "publish", "see_secrets", "manage"],
  platform: ["write", "publish", "see_secrets", "manage"],
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
  return session === undefined || abilities[session.role].includes(ability);
}
