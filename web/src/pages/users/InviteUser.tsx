// Asks who is to come, then shows the link that lets them in.
import { Button, Group, Modal, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { type ApiProblem, answer, client, fieldErrors, type User } from "../../api/client";
import { accountsQuery, useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { RoleChoice } from "../../components/RoleChoice";
import { LinkOnce } from "./LinkDialog";
import { userRoles } from "./roles";

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function InviteUser({ opened, onClose }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Invite somebody"
      size="lg"
      closeOnClickOutside={false}
    >
      <Invitation onClose={onClose} />
    </Modal>
  );
}

function Invitation({ onClose }: { onClose: () => void }) {
  const administers = useMay("administer");
  const accounts = useQuery({ ...accountsQuery, enabled: administers }).data?.data ?? [];
  const form = useForm({
    initialValues: { name: "", email: "", role: "editor" as User["role"], account_id: "" },
    validate: {
      name: (name) => (name.trim() === "" ? "Enter a name" : null),
      email: (email) => (email.trim() === "" ? "Enter an e-mail address" : null),
    },
  });
  const invite = useAction({
    run: ({ account_id, ...user }: typeof form.values) =>
      answer(client.POST("/v1/users", { body: { ...user, account_id: account_id || null } })),
    invalidates: [["users"], ["audit-log"]],
    failed: "Could not invite",
    shows: (problem) => showBesideFields(problem, form.setErrors),
  });

  if (invite.data !== undefined) {
    return <LinkOnce name={invite.data.name} link={invite.data.link} onClose={onClose} />;
  }
  return (
    <form onSubmit={form.onSubmit((values) => invite.mutate(values))} noValidate>
      <Stack gap="md">
        <TextInput
          label="Name"
          placeholder="Ann Lee"
          autoComplete="off"
          data-autofocus
          {...form.getInputProps("name")}
        />
        <TextInput
          label="E-mail"
          type="email"
          placeholder="ann@example.com"
          description="What they sign in with. No mail is sent."
          autoComplete="off"
          {...form.getInputProps("email")}
        />
        <RoleChoice label="Role" options={userRoles} {...form.getInputProps("role")} />
        {accounts.length > 1 && (
          <NativeSelect
            label="Account"
            description="Where they act. Only somebody for all accounts can change to another one."
            data={[
              { value: "", label: "All accounts" },
              ...accounts.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            {...form.getInputProps("account_id")}
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={invite.isPending}>
            Invite
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What the server says of a user's fields; an address that is taken is one of them. */
export function showBesideFields(
  problem: ApiProblem,
  setErrors: (errors: Record<string, string>) => void,
): boolean {
  const errors =
    problem.code === "taken"
      ? { email: "Somebody has this e-mail address already" }
      : fieldErrors(problem);
  setErrors(errors);
  return Object.keys(errors).length > 0;
}
