// Why a one-time link did not let one in, and what to do about it.
import { Alert, Button, Code, Text } from "@mantine/core";
import { IconLinkOff } from "@tabler/icons-react";
import { ApiProblem, sentence } from "../../api/client";

interface Props {
  error: Error;
  onRetry: () => void;
}

export function LinkProblem({ error, onRetry }: Props) {
  if (error instanceof ApiProblem && error.code === "invalid_link") {
    return (
      <Alert
        color="yellow"
        icon={<IconLinkOff />}
        title="This sign-in link does not work any more"
        role="alert"
      >
        <Text size="sm">
          It was used already, or is too old. Ask an owner for a new one, or sign in with your
          password. On your own machine, <Code>posthaste serve --dev</Code> prints a new link each
          time it starts.
        </Text>
      </Alert>
    );
  }
  return (
    <Alert color="red" icon={<IconLinkOff />} title="The link could not be used" role="alert">
      <Text size="sm" mb="xs">
        {sentence(error)} The link is still good.
      </Text>
      <Button size="xs" variant="default" onClick={onRetry}>
        Try again
      </Button>
    </Alert>
  );
}
