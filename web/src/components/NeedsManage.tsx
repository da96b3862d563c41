// Stands in the place of a page whose content the server gives to owners only.
import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useMay } from "../api/session";
import { EmptyState } from "./EmptyState";

/** `what` is what they manage: "Users". */
export function NeedsManage({ what, children }: { what: string; children: ReactNode }) {
  if (useMay("manage")) return children;
  return (
    <EmptyState
      icon={IconLock}
      title={`${what} are for owners`}
      text="Your role does not let you see this page. An owner can change your role under Settings > Users."
    />
  );
}
