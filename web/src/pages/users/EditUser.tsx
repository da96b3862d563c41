import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconShieldLock } from "@tabler/icons-react";
import { answer, client, type User } from "../../api/client";
import { useAction } from "../../api/queries";
import { RoleChoice } from "../../components/RoleChoice";
import { showBesideFields } from "./InviteUser";
import { userRoles } from "./roles";

interface Props {
  user: User;
  isLastOwner: boolean;
  onClose: () => void;
}

export function EditUser({ user, isLastOwner, onClose }: Props) {
  const form = useForm({
    initialValues: { name: user.name, email: user.email, role: user.role },
  });
  const changesRole = form.values.role !== user.role;
  const save = useAction({
    run: (values: typeof form.values) =>
      answer(client.PATCH("/v1/users/{id}", { params: { path: { id: user.id } }, body: values })),
    invalidates: [["users"], ["session"], ["audit-log"]],
    done: ({ name }) => `${name} was changed`,
    failed: "Could not change the user",
    shows: (problem) => {
      if (problem.code === "last_owner") {
        form.setErrors({ role: "This is the last owner. Make somebody else an owner first." });
        return true;
      }
      return showBesideFields(problem, form.setErrors);
    },
    onDone: onClose,
  });

  return (
    <Modal opened onClose={onClose} title={`Edit ${user.name}`} size="lg">
      <form onSubmit={form.onSubmit((values) => save.mutate(values))} noValidate>
        <Stack gap="md">
          <TextInput label="Name" data-autofocus {...form.getInputProps("name")} />
          <TextInput label="E-mail" type="email" {...form.getInputProps("email")} />
          {isLastOwner ? (
            <LastOwner what="The role stays" />
          ) : (
            <RoleChoice label="Role" options={userRoles} {...form.getInputProps("role")} />
          )}
          {changesRole && (
            <Text size="sm" c="dimmed" role="status">
              A new role signs {user.name} out everywhere.
            </Text>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Why the last owner can be neither demoted nor removed. */
export function LastOwner({ what }: { what: string }) {
  return (
    <Alert color="blue" icon={<IconShieldLock />} title={what}>
      <Text size="sm">
        This is the last owner. Without one, nobody could invite users, make API keys or read the
        audit log. Make somebody else an owner first.
      </Text>
    </Alert>
  );
}
