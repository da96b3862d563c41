// What users' roles mean, and who is the last owner.
import type { User } from "../../api/client";
import type { RoleOption } from "../../components/RoleChoice";

export const userRoles: readonly RoleOption<User["role"]>[] = [
  {
    value: "owner",
    label: "Owner",
    text: "Everything, and also users, API keys and the audit log.",
  },
  {
    value: "editor",
    label: "Editor",
    text: "Adds and changes webhooks, sends test events and retries deliveries. No users, no keys.",
  },
  {
    value: "viewer",
    label: "Viewer",
    text: "Looks at everything, changes nothing, and sees no signing secret.",
  },
];

export function roleWord(role: User["role"]): string {
  return userRoles.find(({ value }) => value === role)?.label ?? role;
}

/** Whether nobody else among these could manage users where this one does. */
export function isLastOwner(user: User, users: readonly User[]): boolean {
  const owners = users.filter(
    ({ role, account_id }) => role === "owner" && account_id === user.account_id,
  );
  return user.role === "owner" && owners.length === 1;
}
