// The server's own test inbox as a webhook's receiver.
import type { Server } from "../../api/client";

/** An address of the inbox, under a name of its own so that requests can be told apart. */
export function inboxUrl(server: Server | undefined, title: string): string {
  const base = server?.public_url ?? window.location.origin;
  return `${base.replace(/\/$/, "")}/inbox/receive/${inboxName(title)}`;
}

/** Names have letters, digits, -, _ and . only. */
export function inboxName(title: string): string {
  const name = title
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return name.slice(0, 40) || "webhook";
}
