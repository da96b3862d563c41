// The webhook's settings, and the way to be rid of it.
import { Button, Card, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Webhook } from "../../api/client";
import { useMay } from "../../api/session";
import { EmptyState } from "../../components/EmptyState";
import { valuesOf } from "../webhook-form/values";
import { WebhookForm } from "../webhook-form/WebhookForm";
import { DeleteWebhook } from "../webhooks/DeleteWebhook";
import classes from "./WebhookPage.module.css";

export function SettingsTab({ webhook }: { webhook: Webhook }) {
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const [deleting, setDeleting] = useState(false);
  if (!mayWrite) {
    return (
      <Card>
        <EmptyState
          title="You may look, not change"
          text="An owner or an editor can change this webhook's settings."
        />
      </Card>
    );
  }
  return (
    <Stack gap="md" maw={760}>
      <WebhookForm
        webhook={webhook}
        start={valuesOf(webhook)}
        draftKey={`edit.${webhook.id}`}
        onSaved={({ title }) =>
          notifications.show({ message: `${title} was saved`, color: "teal" })
        }
      />
      <Card className={classes.danger}>
        <div>
          <Title order={3}>Delete this webhook</Title>
          <Text size="sm" c="dimmed">
            It gets no more events, and those still waiting are not sent.
          </Text>
        </div>
        <Button variant="default" c="var(--ph-bad)" onClick={() => setDeleting(true)}>
          Delete
        </Button>
      </Card>
      <DeleteWebhook
        webhook={deleting ? webhook : null}
        onClose={() => setDeleting(false)}
        onDeleted={() => void navigate({ to: "/setup/webhooks", replace: true })}
      />
    </Stack>
  );
}
