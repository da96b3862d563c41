import { ActionIcon, Menu, Text } from "@mantine/core";
import { IconKeyboard, IconLogout, IconPalette, IconUser, IconUserCog } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { chooseAccount } from "../api/account";
import { client, done } from "../api/client";
import { useAction } from "../api/queries";
import { useSession } from "../api/session";

export function UserMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const session = useSession();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const signOut = useAction({
    run: () => done(client.DELETE("/v1/session")),
    failed: "Could not sign out",
    // The session was over already; the guard of the page leads on.
    shows: (problem) => problem.status === 401,
    onDone: async () => {
      chooseAccount(null);
      queries.clear();
      await navigate({ to: "/sign-in" });
    },
  });
  if (session === undefined) return null;
  const { user, role } = session;

  return (
    // Within the header, so that it is part of a landmark.
    <Menu position="bottom-end" width={220} withinPortal={false}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" c="dimmed" size={32} aria-label="Your menu">
          <IconUser size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text component="div" size="sm" fw={600} c="var(--mantine-color-text)" truncate>
            {user?.name || user?.email || "API key"}
          </Text>
          <Text component="div" size="xs" truncate>
            {user === null ? `Role ${role}` : `${user.email} · ${role}`}
          </Text>
        </Menu.Label>
        {user !== null && (
          <Menu.Item component={Link} to="/settings" leftSection={<IconUserCog size={16} />}>
            Your profile
          </Menu.Item>
        )}
        <Menu.Item
          component={Link}
          to="/settings/appearance"
          leftSection={<IconPalette size={16} />}
        >
          Appearance
        </Menu.Item>
        <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={onShortcuts}>
          Keyboard shortcuts
        </Menu.Item>
        {user !== null && (
          <>
            <Menu.Divider />
            <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => signOut.mutate()}>
              Sign out
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
