// What an entry of the audit log is about, as a link to it while it is there.
import { Anchor, Text } from "@mantine/core";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { AuditEntry } from "../../api/client";

type Target = NonNullable<AuditEntry["target"]>;

interface Place {
  to: LinkProps["to"];
  params?: Record<string, string>;
}

function placeOf({ type, id }: Target): Place {
  switch (type) {
    case "webhook":
      return { to: "/setup/webhooks/$id", params: { id } };
    case "powerlist":
      return { to: "/setup/powerlists/$id", params: { id } };
    case "contact":
      return { to: "/contacts/$id", params: { id } };
    case "import":
      return { to: "/setup/powerlists" };
    case "event_type":
      return { to: "/setup/event-types/$name", params: { name: id } };
    case "api_key":
      return { to: "/setup/api-keys" };
    case "user":
      return { to: "/settings/users" };
    default:
      return { to: "/settings" };
  }
}

export function TargetLink({ target, isGone }: { target: Target; isGone: boolean }) {
  if (isGone) {
    return (
      <Text component="span" fw={550}>
        {target.name}
      </Text>
    );
  }
  const { to, params } = placeOf(target);
  return (
    <Anchor
      component={Link}
      to={to}
      params={params as never}
      fw={550}
      underline="always"
      title={target.id}
    >
      {target.name}
    </Anchor>
  );
}
