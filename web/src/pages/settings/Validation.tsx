// What the account does about published data that does not match its event type's schema.
import { Radio, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answer, client, type Schemas } from "../../api/client";
import { accountQuery, useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { ErrorState } from "../../components/ErrorState";
import { Section } from "./Section";

type Validate = Schemas["Validate"];

const choices: { value: Validate; label: string; description: string }[] = [
  { value: "off", label: "Ignore", description: "Nobody looks." },
  {
    value: "warn",
    label: "Accept and count",
    description: "Each event type shows how many did not match, and why the last one did not.",
  },
  { value: "reject", label: "Refuse", description: "The publisher gets 422 and what is wrong." },
];

export function Validation({ account }: { account: { id: string; name: string } }) {
  const { data, error, refetch } = useQuery(accountQuery(account.id));
  const mayManage = useMay("manage");
  const save = useAction({
    run: (validate: Validate) =>
      answer(
        client.PATCH("/v1/accounts/{id}", {
          params: { path: { id: account.id } },
          body: { validate },
        }),
      ),
    invalidates: [["accounts"], ["audit-log"]],
    done: "Saved; it holds for what is published from now on",
    failed: "Could not save the choice",
  });
  const shown = save.isPending ? save.variables : data?.validate;
  return (
    <Section
      title="Data that does not match its schema"
      lead={`What the account ${account.name} does about published data that is not as its event type describes it.`}
    >
      {error !== null && data === undefined ? (
        <ErrorState
          error={error}
          title="The account could not be loaded"
          onRetry={() => void refetch()}
        />
      ) : shown === undefined ? (
        <Skeleton height={120} />
      ) : (
        <Radio.Group
          aria-label="Data that does not match its schema"
          value={shown}
          onChange={(choice) => save.mutate(choice as Validate)}
        >
          <Stack gap="sm">
            {choices.map((choice) => (
              <Radio key={choice.value} disabled={!mayManage} {...choice} />
            ))}
          </Stack>
        </Radio.Group>
      )}
    </Section>
  );
}
