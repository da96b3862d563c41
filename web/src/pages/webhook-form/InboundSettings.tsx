// What most webhooks that receive leave as it is: who may post, and how much.
import { NumberInput, PasswordInput, Select, Stack, Text, Textarea } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import type { InboundWebhook } from "../../api/client";
import { schemeFacts, schemes } from "./inbound";
import type { Values } from "./values";
import classes from "./WebhookForm.module.css";

interface Props {
  form: UseFormReturnType<Values>;
  /** The one that is changed. */
  webhook?: InboundWebhook;
}

export function InboundSettings({ form, webhook }: Props) {
  const { scheme } = form.values;
  const facts = schemeFacts(scheme);
  const kept = facts !== undefined && webhook?.verification?.scheme === scheme;
  return (
    <Stack gap="lg" className={classes.advanced}>
      <Textarea
        label="Description"
        description="What it is for, and who looks after it."
        autosize
        minRows={2}
        maxRows={8}
        {...form.getInputProps("description")}
      />
      <Select
        label="Verification"
        description="The URL cannot be guessed. A signature shows in addition who sent a request; without it, requests are refused."
        data={[
          { value: "none", label: "None: the URL is enough" },
          ...schemes.map(({ value, label }) => ({ value, label })),
        ]}
        allowDeselect={false}
        {...form.getInputProps("scheme")}
      />
      {facts !== undefined && (
        <div>
          <PasswordInput
            label="Verification secret"
            description={
              kept
                ? "Leave it empty to keep the one there is."
                : facts.makes
                  ? "Leave it empty and one is made, shown after you submit."
                  : "As the other side has it."
            }
            required={!kept && !facts.makes}
            autoComplete="off"
            visibilityToggleButtonProps={{ "aria-label": "Show or hide the secret" }}
            {...form.getInputProps("verification_secret")}
          />
          <Text size="sm" c="dimmed" mt={6}>
            {facts.text}
          </Text>
        </div>
      )}
      <div className={classes.numbers}>
        <NumberInput
          label="Requests"
          description="More are answered 429, to come again."
          thousandSeparator=","
          allowNegative={false}
          allowDecimal={false}
          {...form.getInputProps("inbound_count")}
        />
        <NumberInput
          label="In each"
          description="Of all senders together."
          suffix=" s"
          allowNegative={false}
          allowDecimal={false}
          {...form.getInputProps("inbound_per_s")}
        />
      </div>
    </Stack>
  );
}
