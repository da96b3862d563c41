// Something that could not be read: what the server said, its request id, and another try.
import { Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { ApiProblem, sentence } from "../api/client";
import { IdCopy } from "./IdCopy";
import classes from "./State.module.css";

interface Props {
  error: unknown;
  /** What was tried: "The webhooks could not be loaded". */
  title?: string;
  onRetry?: () => void;
}

export function ErrorState({ error, title = "This could not be loaded", onRetry }: Props) {
  const requestId = error instanceof ApiProblem ? error.requestId : null;
  return (
    <div className={classes.state} role="alert">
      <span className={classes.icon} data-bad aria-hidden="true">
        <IconAlertTriangle size={26} stroke={1.6} />
      </span>
      <Text fw={600} size="lg">
        {title}
      </Text>
      <Text c="dimmed" maw={520} style={{ overflowWrap: "anywhere" }}>
        {sentence(error)}
      </Text>
      {requestId !== null && (
        <Group gap={6} c="dimmed" fz="sm">
          Request <IdCopy id={requestId} what="request id" />
        </Group>
      )}
      {onRetry && (
        <Button variant="default" mt="xs" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
