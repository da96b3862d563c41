// How requests show who sent them, and the secret of it: hidden until asked for, as the server
// notes down each time it is shown.
import { ActionIcon, Text, Tooltip } from "@mantine/core";
import { IconEye, IconEyeOff } from "@tabler/icons-react";
import { useState } from "react";
import type { InboundWebhook } from "../../api/client";
import { verificationSecret } from "../../api/inbound";
import { useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { CopyButton } from "../../components/CopyButton";
import classes from "../webhook/WebhookPage.module.css";
import { schemeFacts } from "../webhook-form/inbound";

export function VerificationSecret({ webhook }: { webhook: InboundWebhook }) {
  const { id, verification } = webhook;
  const maySee = useMay("see_secrets");
  const [secret, setSecret] = useState<string | null>(null);
  const show = useAction<void, string>({
    run: () => verificationSecret(id),
    invalidates: [["audit-log"]],
    failed: "Could not show the secret",
    onDone: setSecret,
  });
  if (verification === null) {
    return (
      <Text span size="sm" c="dimmed">
        None: the URL is enough
      </Text>
    );
  }
  const label = secret === null ? "Reveal verification secret" : "Hide verification secret";
  return (
    <>
      <Text span size="sm">
        {schemeFacts(verification.scheme)?.label ?? verification.scheme}
      </Text>
      {maySee && (
        <span className={classes.secret}>
          <span className={`mono ${classes.value}`} data-testid="verification-secret">
            {secret ?? "••••••••••••"}
          </span>
          <Tooltip label={label}>
            <ActionIcon
              variant="subtle"
              color="gray"
              c="dimmed"
              size={24}
              aria-label={label}
              loading={show.isPending}
              onClick={() => (secret === null ? show.mutate() : setSecret(null))}
            >
              {secret === null ? <IconEye size={15} /> : <IconEyeOff size={15} />}
            </ActionIcon>
          </Tooltip>
          {secret !== null && <CopyButton text={secret} what="verification secret" />}
        </span>
      )}
    </>
  );
}
