// What keys' roles mean, and the command that tries a new key out.
import type { Schemas } from "../../api/client";
import type { RoleOption } from "../../components/RoleChoice";

export type KeyRole = Schemas["Role"];

export const keyRoles: readonly RoleOption<KeyRole>[] = [
  {
    value: "publish",
    label: "Publish",
    text: "Only posts events. The one for your own programs: if it leaks, nothing can be read.",
  },
  {
    value: "read",
    label: "Read",
    text: "Only looks: webhooks, deliveries, metrics. For monitoring. Sees no signing secret.",
  },
  {
    value: "account",
    label: "Account",
    text: "Everything within this account: posts, reads, changes webhooks, makes keys.",
  },
  {
    value: "platform",
    label: "Platform",
    text: "Everything in every account, and adds accounts. Keep it for the operator's own tools.",
  },
];

export function keyRoleWord(role: KeyRole): string {
  return keyRoles.find(({ value }) => value === role)?.label ?? role;
}

/** A call that the key may make, ready for a shell. `event` is what is published. */
export function tryOut(origin: string, key: string, role: KeyRole, event: object): string {
  const authorization = `-H 'authorization: Bearer ${key}'`;
  if (role === "read") return `curl ${origin}/v1/webhooks ${authorization}`;
  return [
    `curl ${origin}/v1/events ${authorization}`,
    "-H 'content-type: application/json'",
    `-d '${JSON.stringify(event).replaceAll("'", "'\\''")}'`,
  ].join(" \\\n  ");
}
