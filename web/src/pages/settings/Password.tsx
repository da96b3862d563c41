import { Button, Group, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { client, done, fieldErrors, type Session, sentence } from "../../api/client";
import { useAction } from "../../api/queries";
import { PasswordField } from "../../components/PasswordField";
import { formatDuration } from "../../format";
import { Section } from "./Section";

export function Password({ session }: { session: Session }) {
  const { needs_password, asks_current_password } = session;
  const form = useForm({
    initialValues: { current: "", password: "" },
    validate: {
      current: (current) =>
        asks_current_password && current === "" ? "Enter the password you have" : null,
      password: (password) => (password === "" ? "Enter a new password" : null),
    },
  });
  const save = useAction({
    run: ({ current, password }: typeof form.values) =>
      done(
        client.POST("/v1/session/password", {
          body: { password, ...(asks_current_password && { current_password: current }) },
        }),
      ),
    invalidates: [["session"], ["users"], ["audit-log"]],
    done: "Your password was set; you are signed out everywhere else",
    failed: "Could not set your password",
    shows: (problem) => {
      const { current_password, password } = fieldErrors(problem);
      const wait = problem.retryAfterS;
      const current =
        problem.code === "wrong_credentials"
          ? sentence(problem)
          : problem.code === "too_many_attempts" && wait !== null
            ? `Too many attempts. Try again in ${formatDuration(wait * 1_000)}.`
            : current_password;
      form.setErrors({ current, password });
      return current !== undefined || password !== undefined;
    },
    onDone: () => form.reset(),
  });
  return (
    <Section
      title="Password"
      lead={
        needs_password
          ? "You have none yet: without one, only a link lets you in again."
          : "A new one signs you out everywhere but here."
      }
    >
      <form onSubmit={form.onSubmit((values) => save.mutate(values))} noValidate>
        {/* For password managers, which file a password under the name before it. */}
        <input
          type="text"
          name="username"
          autoComplete="username"
          value={session.user?.email ?? ""}
          readOnly
          hidden
        />
        <Stack gap="md">
          {asks_current_password && (
            <PasswordField
              label="Current password"
              autoComplete="current-password"
              {...form.getInputProps("current")}
            />
          )}
          <PasswordField
            label="New password"
            description="At least 10 characters; a few words are easier to remember than signs."
            autoComplete="new-password"
            {...form.getInputProps("password")}
          />
          <Group>
            <Button type="submit" loading={save.isPending}>
              {needs_password ? "Set password" : "Change password"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
