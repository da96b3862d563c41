import { Button } from "@mantine/core";
import { IconCompassOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "./EmptyState";
import { Page } from "./Page";

export function NotFoundPage() {
  return (
    <Page title="Page not found">
      <EmptyState
        icon={IconCompassOff}
        title="There is nothing at this address"
        text="The link may be old, or what it led to was deleted."
      >
        <Button component={Link} to="/setup/webhooks" variant="default">
          Go to Webhooks
        </Button>
      </EmptyState>
    </Page>
  );
}
