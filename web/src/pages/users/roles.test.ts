import { expect, test } from "vitest";
import type { User } from "../../api/client";
import { isLastOwner } from "./roles";

function user(id: string, role: User["role"], account_id: string | null): User {
  const created_at = "2025-01-10T10:40:00Z";
  const email = `${id}@example.com`;
  return {
    id,
    email,
    name: id,
    role,
    account_id,
    has_password: true,
    created_at,
    last_sign_in_at: null,
  };
}

test("each account, and the platform, has its own last owner", () => {
  const ann = user("ann", "owner", null);
  const bob = user("bob", "owner", "acct_1");
  const cid = user("cid", "editor", null);
  expect(isLastOwner(ann, [ann, bob, cid])).toBe(true);
  expect(isLastOwner(bob, [ann, bob, cid])).toBe(true);
  expect(isLastOwner(cid, [ann, bob, cid])).toBe(false);
  expect(isLastOwner(ann, [ann, bob, user("dee", "owner", null)])).toBe(false);
});
