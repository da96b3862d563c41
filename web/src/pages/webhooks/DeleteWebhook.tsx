// Asks before a webhook is deleted. One in use has to be named, so that the wrong row costs a
// moment and not a day's events.

import { useEffect, useState } from "react";
import { client, done, type Webhook } from "../../api/client";
import { useAction } from "../../api/queries";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { formatCount } from "../../format";

const RECENT_MS = 24 * 3_600_000;

interface Props {
  /** null: nothing is to be deleted. */
  webhook: Webhook | null;
  onClose: () => void;
  onDeleted?: () => void;
}

export function DeleteWebhook({ webhook, onClose, onDeleted }: Props) {
  // The dialog goes on showing it while it closes.
  const [shown, setShown] = useState(webhook);
  useEffect(() => {
    if (webhook !== null) setShown(webhook);
  }, [webhook]);
  const action = useAction<Webhook>({
    run: ({ id }) => done(client.DELETE("/v1/webhooks/{id}", { params: { path: { id } } })),
    invalidates: [["webhooks"], ["audit-log"]],
    done: (_, { title }) => `${title} was deleted`,
    failed: "Could not delete the webhook",
    onDone: () => {
      onClose();
      onDeleted?.();
    },
  });
  if (shown === null) return null;
  const { title, hits, last_hit_at, direction } = shown;
  const recent = last_hit_at !== null && Date.now() - Date.parse(last_hit_at) < RECENT_MS;
  return (
    <ConfirmDialog
      opened={webhook !== null}
      onClose={onClose}
      title={`Delete ${title}?`}
      confirmLabel="Delete"
      danger
      typed={recent ? title : undefined}
      busy={action.isPending}
      onConfirm={() => action.mutate(shown)}
    >
      {recent
        ? `It is in use: it had hits within the last 24 hours, ${formatCount(hits)} in all. `
        : hits > 0
          ? `It had ${formatCount(hits)} hits, none within the last 24 hours. `
          : "It was never hit. "}
      {direction === "inbound"
        ? "Its URLs stop working at once; the contacts it brought stay. "
        : "It gets no more events, and those still waiting are not sent. "}
      This cannot be undone; to stop it for a while, pause it.
    </ConfirmDialog>
  );
}
