// What the navigation and the palette lead to.
import {
  type Icon,
  IconActivity,
  IconAddressBook,
  IconCategory,
  IconChartAreaLine,
  IconHistory,
  IconInbox,
  IconKey,
  IconPalette,
  IconSettings,
  IconUsers,
  IconWebhook,
} from "@tabler/icons-react";
import type { LinkProps } from "@tanstack/react-router";
import type { Ability } from "../api/session";

export interface Place {
  label: string;
  to: LinkProps["to"];
  icon: Icon;
  /** The shortcut that leads there. */
  keys?: string;
  /** Shown to those who may. */
  needs?: Ability;
  /** Shown only where the server has a test inbox. */
  inbox?: boolean;
  /** Marked as current on this very address only, not on those below it. */
  exact?: boolean;
}

export interface PlaceGroup {
  title?: string;
  places: Place[];
}

export const navigation: PlaceGroup[] = [
  {
    title: "Setup",
    places: [
      { label: "Webhooks", to: "/setup/webhooks", icon: IconWebhook, keys: "g w" },
      { label: "Powerlists", to: "/setup/powerlists", icon: IconAddressBook, keys: "g p" },
      { label: "Event types", to: "/setup/event-types", icon: IconCategory, keys: "g e" },
      { label: "API keys", to: "/setup/api-keys", icon: IconKey, keys: "g k", needs: "manage" },
    ],
  },
  {
    title: "Monitor",
    places: [
      { label: "Deliveries", to: "/deliveries", icon: IconActivity, keys: "g d" },
      { label: "Metrics", to: "/metrics", icon: IconChartAreaLine, keys: "g m" },
      { label: "Test inbox", to: "/inbox", icon: IconInbox, keys: "g i", inbox: true },
    ],
  },
  {
    title: "Settings",
    places: [
      {
        label: "Profile and server",
        to: "/settings",
        icon: IconSettings,
        keys: "g s",
        exact: true,
      },
      { label: "Users", to: "/settings/users", icon: IconUsers, needs: "manage" },
      { label: "Audit log", to: "/settings/audit-log", icon: IconHistory, needs: "manage" },
      { label: "Appearance", to: "/settings/appearance", icon: IconPalette },
    ],
  },
];
