// What was done, in words, and how it looks.
import {
  type Icon,
  IconBan,
  IconBuilding,
  IconCategory,
  IconEye,
  IconFileExport,
  IconFileImport,
  IconKey,
  IconLink,
  IconLock,
  IconLogin2,
  IconLogout,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconRefresh,
  IconTrash,
  IconUserMinus,
  IconUserPlus,
} from "@tabler/icons-react";
import type { AuditAction } from "../../api/client";
import type { Tone } from "../../theme";

export interface ActionLook {
  /** Before the target's name: "Paused the webhook". */
  words: string;
  /** In the filter's list. */
  label: string;
  icon: Icon;
  tone: Tone;
}

export const actionLooks: Record<AuditAction, ActionLook> = {
  "webhook.created": look("Added the webhook", "Webhook added", IconPlus, "ok"),
  "webhook.updated": look("Changed the webhook", "Webhook changed", IconPencil, "info"),
  "webhook.paused": look("Paused the webhook", "Webhook paused", IconPlayerPause, "warn"),
  "webhook.resumed": look("Resumed the webhook", "Webhook resumed", IconPlayerPlay, "ok"),
  "webhook.deleted": look("Deleted the webhook", "Webhook deleted", IconTrash, "bad"),
  "webhook.secret_rotated": look(
    "Rotated the signing secret of",
    "Signing secret rotated",
    IconRefresh,
    "info",
  ),
  "webhook.secret_shown": look(
    "Looked at the signing secret of",
    "Signing secret shown",
    IconEye,
    "neutral",
  ),
  "webhook.token_rotated": look("Gave new URLs to", "Inbound URLs rotated", IconRefresh, "info"),
  "powerlist.created": look("Created the powerlist", "Powerlist created", IconPlus, "ok"),
  "powerlist.updated": look("Changed the powerlist", "Powerlist changed", IconPencil, "info"),
  "powerlist.deleted": look("Deleted the powerlist", "Powerlist deleted", IconTrash, "bad"),
  "powerlist.exported": look(
    "Exported the contacts of",
    "Contacts exported",
    IconFileExport,
    "neutral",
  ),
  "contact.deleted": look("Deleted the contact", "Contact deleted", IconUserMinus, "bad"),
  "import.started": look("Started the import of", "Import started", IconFileImport, "info"),
  "import.cancelled": look("Cancelled the import of", "Import cancelled", IconBan, "warn"),
  "event_type.created": look("Added the event type", "Event type added", IconPlus, "ok"),
  "event_type.updated": look("Changed the event type", "Event type changed", IconCategory, "info"),
  "event_type.deleted": look("Deleted the event type", "Event type deleted", IconTrash, "bad"),
  "api_key.created": look("Made the API key", "API key made", IconKey, "ok"),
  "api_key.deleted": look("Deleted the API key", "API key deleted", IconTrash, "bad"),
  "account.created": look("Added the account", "Account added", IconBuilding, "ok"),
  "account.updated": look("Changed the account", "Account changed", IconBuilding, "info"),
  "user.invited": look("Invited", "User invited", IconUserPlus, "ok"),
  "user.updated": look("Changed the user", "User changed", IconPencil, "info"),
  "user.deleted": look("Removed", "User removed", IconUserMinus, "bad"),
  "user.link_made": look("Made a sign-in link for", "Sign-in link made", IconLink, "info"),
  "user.password_set": look("Set the password of", "Password set", IconLock, "info"),
  "session.started": look("Signed in as", "Signed in", IconLogin2, "neutral"),
  "session.refused": look("Failed to sign in as", "Sign-in failed", IconBan, "bad"),
  "session.ended": look("Signed out as", "Signed out", IconLogout, "neutral"),
};

function look(words: string, label: string, icon: Icon, tone: Tone): ActionLook {
  return { words, label, icon, tone };
}

/** A newer server may log what this page does not know. */
export function actionLook(action: string): ActionLook {
  return actionLooks[action as AuditAction] ?? look(action, action, IconPencil, "neutral");
}
