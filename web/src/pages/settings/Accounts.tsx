// The platform's customers, for those who may see them all.
import { Button, Group, Skeleton, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { answer, client, fieldErrors } from "../../api/client";
import { accountsQuery, useAction } from "../../api/queries";
import { ErrorState } from "../../components/ErrorState";
import { IdCopy } from "../../components/IdCopy";
import { Section } from "./Section";
import classes from "./SettingsPage.module.css";

export function Accounts() {
  const { data, error, refetch } = useQuery(accountsQuery);
  return (
    <Section
      title="Accounts"
      lead="Each has webhooks, events, keys and users of its own. You can act in all of them: choose one at the top."
    >
      {error !== null && data === undefined ? (
        <ErrorState
          error={error}
          title="The accounts could not be loaded"
          onRetry={() => void refetch()}
        />
      ) : data === undefined ? (
        <Skeleton height={36} />
      ) : (
        <ul className={classes.accounts} aria-label="Accounts">
          {data.data.map(({ id, name }) => (
            <li key={id}>
              <Text fw={550}>{name}</Text>
              <IdCopy id={id} what="account id" />
            </li>
          ))}
        </ul>
      )}
      {data?.next_cursor && (
        <Text size="sm" c="dimmed">
          And more; the API lists them all.
        </Text>
      )}
      <AddAccount />
    </Section>
  );
}

function AddAccount() {
  const form = useForm({
    initialValues: { name: "" },
    validate: { name: (name) => (name.trim() === "" ? "Enter a name" : null) },
  });
  const add = useAction({
    run: (body: typeof form.values) => answer(client.POST("/v1/accounts", { body })),
    invalidates: [["accounts"], ["audit-log"]],
    done: ({ name }) => `The account ${name} was added`,
    failed: "Could not add the account",
    shows: (problem) => {
      const errors =
        problem.code === "taken"
          ? { name: "There is an account of this name already" }
          : fieldErrors(problem);
      form.setErrors(errors);
      return Object.keys(errors).length > 0;
    },
    onDone: () => form.reset(),
  });
  return (
    <form onSubmit={form.onSubmit((values) => add.mutate(values))} noValidate>
      <Group align="flex-start" gap="xs" mt="md">
        <TextInput
          aria-label="Name of a new account"
          placeholder="Name of a new account"
          autoComplete="off"
          style={{ flex: "1 1 200px", maxWidth: 320 }}
          {...form.getInputProps("name")}
        />
        <Button type="submit" variant="default" loading={add.isPending}>
          Add account
        </Button>
      </Group>
    </form>
  );
}
