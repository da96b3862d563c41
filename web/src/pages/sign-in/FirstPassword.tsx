// After a one-time link: who one is from now on, and how to get in again without a link.
import { Alert, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import {
  ApiProblem,
  answer,
  client,
  done,
  fieldErrors,
  type Session,
  sentence,
  type User,
} from "../../api/client";
import { serverQuery } from "../../api/queries";
import { PasswordField } from "../../components/PasswordField";

/** What the server calls the first owner until they say who they are. */
const FIRST_OWNER = "owner@localhost";
const PASSWORD_CHARS_MIN = 10;

interface Props {
  session: Session;
  onDone: () => Promise<void>;
}

export function FirstPassword({ session, onDone }: Props) {
  const user = session.user as User;
  const isNew = user.email === FIRST_OWNER;
  const server = useQuery({ ...serverQuery, retry: false });
  const maySkip = !session.needs_password || server.data?.dev === true;
  const form = useForm({
    initialValues: {
      name: isNew ? "" : user.name,
      email: isNew ? "" : user.email,
      password: "",
    },
    validate: {
      name: (name) => (name.trim() === "" ? "Enter your name" : null),
      email: (email) => (email.trim() === "" ? "Enter your e-mail address" : null),
      password: (password) =>
        [...password].length < PASSWORD_CHARS_MIN
          ? `At least ${PASSWORD_CHARS_MIN} characters`
          : null,
    },
  });

  const save = useMutation({
    mutationFn: async ({ name, email, password }: typeof form.values) => {
      await answer(
        client.PATCH("/v1/users/{id}", {
          params: { path: { id: user.id } },
          body: { name, email },
        }),
      );
      await done(client.POST("/v1/session/password", { body: { password } }));
      await onDone();
    },
    onError: (error) => form.setErrors(fieldErrors(error)),
  });
  const unplaced = save.error !== null && Object.keys(fieldErrors(save.error)).length === 0;

  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))} noValidate>
      <Stack gap="md">
        <Text c="dimmed">
          {session.needs_password
            ? "You are in. The link is used up, so choose how you sign in from now on."
            : "You are in. Choose a new password, or keep the one you have."}
        </Text>
        {save.error !== null && unplaced && (
          <Alert
            color="red"
            icon={<IconAlertTriangle />}
            title={problemTitle(save.error)}
            role="alert"
          >
            <Text size="sm">{sentence(save.error)}</Text>
          </Alert>
        )}
        <TextInput
          label="Name"
          placeholder="Ann Lee"
          autoComplete="name"
          autoFocus
          {...form.getInputProps("name")}
        />
        <TextInput
          label="E-mail"
          type="email"
          placeholder="ann@example.com"
          autoComplete="username"
          {...form.getInputProps("email")}
        />
        <PasswordField
          label="Password"
          description={`At least ${PASSWORD_CHARS_MIN} characters; a few words are easier to remember than signs.`}
          autoComplete="new-password"
          {...form.getInputProps("password")}
        />
        <Group grow preventGrowOverflow={false} gap="xs">
          {maySkip && (
            <Button variant="default" size="md" onClick={() => void onDone()}>
              {session.needs_password ? "Skip for now" : "Keep my password"}
            </Button>
          )}
          <Button type="submit" size="md" loading={save.isPending}>
            Save and go on
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function problemTitle(error: Error): string {
  return error instanceof ApiProblem && error.code === "taken"
    ? "Somebody has this e-mail address already"
    : "This could not be saved";
}
