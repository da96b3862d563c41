import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { answer, client, type User } from "../../api/client";
import { useAction } from "../../api/queries";
import { showBesideFields } from "../users/InviteUser";
import { roleWord } from "../users/roles";
import { Section } from "./Section";

export function Profile({ user }: { user: User }) {
  const form = useForm({ initialValues: { name: user.name, email: user.email } });
  const save = useAction({
    run: (body: typeof form.values) =>
      answer(client.PATCH("/v1/users/{id}", { params: { path: { id: user.id } }, body })),
    invalidates: [["session"], ["users"], ["audit-log"]],
    done: "Your profile was saved",
    failed: "Could not save your profile",
    shows: (problem) => showBesideFields(problem, form.setErrors),
    onDone: () => form.resetDirty(),
  });
  return (
    <Section title="Your profile" lead={`Your role is ${roleWord(user.role).toLowerCase()}.`}>
      <form onSubmit={form.onSubmit((values) => save.mutate(values))} noValidate>
        <Stack gap="md">
          <TextInput label="Name" autoComplete="name" {...form.getInputProps("name")} />
          <TextInput
            label="E-mail"
            type="email"
            description="What you sign in with."
            autoComplete="email"
            {...form.getInputProps("email")}
          />
          <Group>
            <Button type="submit" loading={save.isPending} disabled={!form.isDirty()}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
