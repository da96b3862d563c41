// What most webhooks leave as it is: how requests look, when they are tried again, how many at once.
import {
  ActionIcon,
  Button,
  Group,
  Input,
  NumberInput,
  Radio,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
  Tooltip,
} from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { Server } from "../../api/client";
import { parseSchedule, presets, scheduleSentence, writeSchedule } from "./schedule";
import type { Values } from "./values";
import classes from "./WebhookForm.module.css";

interface Props {
  form: UseFormReturnType<Values>;
  server: Server | undefined;
}

export function AdvancedSettings({ form, server }: Props) {
  const { values } = form;
  const { min, max } = server?.timeout_ms ?? { min: 1_000, max: 30_000 };
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
      <HeaderRows form={form} />
      <Radio.Group
        label="Signature format"
        description={
          <>
            How <span className="mono">x-webhook-signature</span> is written. Standard Webhooks
            headers are always sent as well.
          </>
        }
        {...form.getInputProps("signature_format")}
      >
        <Group gap="lg" mt={6}>
          <Radio value="hex" label={<span className="mono">5f3a…</span>} />
          <Radio value="sha256=" label={<span className="mono">sha256=5f3a…</span>} />
        </Group>
      </Radio.Group>
      <Schedule form={form} />
      <div className={classes.numbers}>
        <NumberInput
          label="Timeout"
          description={`To the end of the answer; ${min} to ${max} ms.`}
          suffix=" ms"
          step={1_000}
          allowNegative={false}
          allowDecimal={false}
          {...form.getInputProps("timeout_ms")}
        />
        <NumberInput
          label="Most at once"
          description="Requests on their way to your server at the same time."
          allowNegative={false}
          allowDecimal={false}
          {...form.getInputProps("max_in_flight")}
        />
      </div>
      <Stack gap="xs">
        <Switch
          label="Limit the rate"
          description="Events beyond it wait; none is lost."
          {...form.getInputProps("limited", { type: "checkbox" })}
        />
        {values.limited && (
          <div className={classes.numbers}>
            <NumberInput
              label="Requests"
              thousandSeparator=","
              allowNegative={false}
              allowDecimal={false}
              {...form.getInputProps("rate_count")}
            />
            <NumberInput
              label="In each"
              suffix=" s"
              allowNegative={false}
              allowDecimal={false}
              {...form.getInputProps("rate_per_s")}
            />
          </div>
        )}
      </Stack>
    </Stack>
  );
}

function HeaderRows({ form }: { form: UseFormReturnType<Values> }) {
  const { headers } = form.values;
  return (
    <Input.Wrapper
      label="Headers"
      labelElement="div"
      description="Sent with every request, beside ours. Values are shown only to those who may change them."
      error={form.errors.headers}
    >
      <Stack gap="xs" mt={6}>
        {headers.map((_, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place.
          <div key={n} className={classes.headerRow}>
            <TextInput
              aria-label={`Name of header ${n + 1}`}
              placeholder="authorization"
              spellCheck={false}
              autoComplete="off"
              {...form.getInputProps(`headers.${n}.name`)}
            />
            <TextInput
              aria-label={`Value of header ${n + 1}`}
              placeholder="Bearer …"
              spellCheck={false}
              autoComplete="off"
              {...form.getInputProps(`headers.${n}.value`)}
            />
            <Tooltip label="Remove">
              <ActionIcon
                variant="subtle"
                color="gray"
                size={36}
                aria-label={`Remove header ${n + 1}`}
                onClick={() => form.removeListItem("headers", n)}
              >
                <IconTrash size={16} color="var(--mantine-color-dimmed)" />
              </ActionIcon>
            </Tooltip>
          </div>
        ))}
        <div>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() => form.insertListItem("headers", { name: "", value: "" })}
          >
            Add a header
          </Button>
        </div>
      </Stack>
    </Input.Wrapper>
  );
}

function Schedule({ form }: { form: UseFormReturnType<Values> }) {
  const { schedule } = form.values;
  const delays = parseSchedule(schedule);
  const written = delays && writeSchedule(delays);
  return (
    <div>
      <TextInput
        label="Retry schedule"
        description="The delay before each attempt, with commas between."
        spellCheck={false}
        autoComplete="off"
        {...form.getInputProps("schedule")}
      />
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would take the field's label for its own. */}
      <div role="group" aria-label="Schedules to start from">
        <Group gap={6} mt={8}>
          {presets.map(({ label, delays_s }) => {
            const chosen = writeSchedule(delays_s) === written;
            return (
              <Button
                key={label}
                size="compact-sm"
                variant="default"
                c={chosen ? "var(--ph-accent)" : undefined}
                bg={chosen ? "var(--ph-accent-ground)" : undefined}
                aria-pressed={chosen}
                onClick={() => {
                  form.setFieldValue("schedule", writeSchedule(delays_s));
                  form.clearFieldError("schedule");
                }}
              >
                {label}
              </Button>
            );
          })}
        </Group>
      </div>
      <Text size="sm" c="dimmed" mt={8} aria-live="polite">
        {delays === null ? "Such as: 0 s, 30 s, 2 min, 8 min, 32 min." : scheduleSentence(delays)}
      </Text>
    </div>
  );
}
