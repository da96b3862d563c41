// Pauses a webhook, and lets it go on again.
import { answer, client, type Webhook } from "../../api/client";
import { useAction } from "../../api/queries";

export function useSetSending({
  id,
  title,
  direction,
}: Pick<Webhook, "id" | "title" | "direction">) {
  const receives = direction === "inbound";
  return useAction<"pause" | "resume", unknown>({
    run: (what) => {
      const params = { path: { id } };
      return what === "pause"
        ? answer(client.POST("/v1/webhooks/{id}/pause", { params }))
        : answer(client.POST("/v1/webhooks/{id}/resume", { params }));
    },
    invalidates: [["webhooks"], ["audit-log"]],
    done: (_, what) =>
      what === "pause"
        ? `${title} is paused: ${receives ? "it turns requests away" : "its events wait"} until it is resumed`
        : receives
          ? `${title} takes requests again`
          : `${title} is sent its events again`,
    failed: `Could not change ${title}`,
  });
}
