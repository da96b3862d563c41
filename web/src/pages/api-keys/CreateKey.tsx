// Asks what a new key is for, then shows its text: once.
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { answer, client, fieldErrors } from "../../api/client";
import { eventTypesQuery, serverQuery, useAction } from "../../api/queries";
import { useMay, useSession } from "../../api/session";
import { CodeBlock } from "../../components/CodeBlock";
import { RoleChoice } from "../../components/RoleChoice";
import { ShownOnce } from "../../components/ShownOnce";
import { type KeyRole, keyRoles, tryOut } from "./keys";

/** What the command publishes. */
const EVENT_TYPE = "call.ended";

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function CreateKey({ opened, onClose }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Create an API key"
      size="lg"
      closeOnClickOutside={false}
    >
      <NewKey onClose={onClose} />
    </Modal>
  );
}

function NewKey({ onClose }: { onClose: () => void }) {
  const administers = useMay("administer");
  const account = useSession()?.account.name;
  const types = useQuery(eventTypesQuery).data;
  const origin = useQuery(serverQuery).data?.public_url ?? window.location.origin;
  const form = useForm({
    initialValues: { name: "", role: "publish" as KeyRole },
    validate: { name: (name) => (name.trim() === "" ? "Enter a name" : null) },
  });
  const create = useAction({
    run: (body: typeof form.values) => answer(client.POST("/v1/api-keys", { body })),
    invalidates: [["api-keys"], ["audit-log"]],
    failed: "Could not create the API key",
    shows: (problem) => {
      const errors = fieldErrors(problem);
      form.setErrors(errors);
      return Object.keys(errors).length > 0;
    },
  });

  if (create.data !== undefined) {
    const { key, role, name } = create.data;
    const data = types?.find((type) => type.name === EVENT_TYPE)?.sample ?? {};
    const event = { event: EVENT_TYPE, data };
    return (
      <ShownOnce
        what="key"
        text={key}
        note={`Keep ${name} where your program keeps its secrets, not in its code.`}
        onClose={onClose}
      >
        <div>
          <Text fw={550} mb={6}>
            Try it
          </Text>
          <CodeBlock code={tryOut(origin, key, role, event)} label="command" maxHeight={180} wrap />
        </div>
      </ShownOnce>
    );
  }
  return (
    <form onSubmit={form.onSubmit((values) => create.mutate(values))} noValidate>
      <Stack gap="md">
        <TextInput
          label="Name"
          placeholder="CRM backend"
          description="So that you know later what stops when you delete it."
          autoComplete="off"
          data-autofocus
          {...form.getInputProps("name")}
        />
        <RoleChoice
          label="What may it do?"
          options={keyRoles.filter(({ value }) => value !== "platform" || administers)}
          {...form.getInputProps("role")}
        />
        {account !== undefined && form.values.role !== "platform" && (
          <Text size="sm" c="dimmed">
            For the account {account}.
          </Text>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
