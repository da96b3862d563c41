import { Alert, Button, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle, IconClock } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { ApiProblem, answer, client, type Session, sentence } from "../../api/client";
import { PasswordField } from "../../components/PasswordField";
import { useNow } from "../../components/TimeText";
import { formatDuration } from "../../format";

export function PasswordForm({ onSignedIn }: { onSignedIn: (session: Session) => void }) {
  const form = useForm({
    initialValues: { email: "", password: "" },
    validate: {
      email: (email) => (email.trim() === "" ? "Enter your e-mail address" : null),
      password: (password) => (password === "" ? "Enter your password" : null),
    },
  });
  const password = useRef<HTMLInputElement>(null);
  /** When the server listens again, after too many attempts. */
  const [until, setUntil] = useState(0);
  const now = useNow(until > 0);
  const waits = Math.max(0, until - now);

  const signIn = useMutation({
    mutationFn: (credentials: typeof form.values) =>
      answer(client.POST("/v1/session", { body: credentials })),
    onSuccess: onSignedIn,
    onError: (error) => {
      if (error instanceof ApiProblem && error.retryAfterS !== null) {
        setUntil(Date.now() + error.retryAfterS * 1_000);
      }
      form.setFieldValue("password", "");
      password.current?.focus();
    },
  });
  const problem = signIn.error;
  const limited = problem instanceof ApiProblem && problem.code === "too_many_attempts";

  function submit(credentials: typeof form.values) {
    if (waits === 0) signIn.mutate(credentials);
  }

  return (
    <form onSubmit={form.onSubmit(submit)} noValidate>
      <Stack gap="md">
        {limited && waits > 0 && (
          <Alert color="yellow" icon={<IconClock />} title="Too many attempts" role="alert">
            <Text size="sm">
              To keep guessers out, nobody can sign in with this address or from this network for a
              while. Nothing is lost: try again then, or use a sign-in link from an owner.
            </Text>
          </Alert>
        )}
        {problem !== null && !limited && <Problem error={problem} />}
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="username"
          autoFocus
          {...form.getInputProps("email")}
        />
        <PasswordField
          ref={password}
          label="Password"
          autoComplete="current-password"
          {...form.getInputProps("password")}
        />
        <Button type="submit" size="md" fullWidth loading={signIn.isPending} disabled={waits > 0}>
          {waits > 0
            ? `Try again in ${formatDuration(Math.ceil(waits / 1_000) * 1_000)}`
            : "Sign in"}
        </Button>
        <Text size="sm" c="dimmed" ta="center">
          Forgotten it, or never had one? An owner can make you a sign-in link.
        </Text>
      </Stack>
    </form>
  );
}

function Problem({ error }: { error: Error }) {
  const wrong = error instanceof ApiProblem && error.code === "wrong_credentials";
  return (
    <Alert
      color="red"
      icon={<IconAlertTriangle />}
      title={wrong ? "E-mail or password is wrong" : "Could not sign in"}
      role="alert"
    >
      <Text size="sm">{sentence(error)}</Text>
    </Alert>
  );
}
