// The form of a contact, to add one and to edit one. Whatever the server objects to is shown beside
// its field.
import {
  ActionIcon,
  Alert,
  Button,
  Group,
  Input,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  Text,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useId, useRef, useState } from "react";
import type { Contact } from "../../api/client";
import { changeContact, upsertContact } from "../../api/contacts";
import { useAction } from "../../api/queries";
import classes from "./Contact.module.css";
import { fieldLabel, nameOf, type TextField } from "./fields";
import { blank, changed, created, placed, read, type Values, valuesOf } from "./values";

interface Props {
  powerlistId: string;
  /** The one to change; a new one without. */
  contact?: Contact;
  /** In a place that is not wide. */
  narrow?: boolean;
  onSaved: (contact: Contact) => void;
  onCancel: () => void;
}

export function ContactForm({ powerlistId, contact, narrow, onSaved, onCancel }: Props) {
  // As the fields began; a webhook may change it while they are filled.
  const [before] = useState(contact);
  const form = useForm<Values>({ initialValues: before ? valuesOf(before) : blank() });
  const [rest, setRest] = useState<string[]>([]);
  const element = useRef<HTMLFormElement>(null);
  const wantsFocus = useRef(false);
  const count = Object.keys(form.errors).length;

  useEffect(() => {
    if (!wantsFocus.current || count === 0) return;
    wantsFocus.current = false;
    element.current?.querySelector<HTMLElement>("input[aria-invalid=true]")?.focus();
  });

  function show(errors: Record<string, string>, unplaced: string[]) {
    wantsFocus.current = true;
    form.setErrors(errors);
    setRest(unplaced);
  }

  const save = useAction<Record<string, unknown>, { contact: Contact; isNew: boolean }>({
    run: async (sent) =>
      before === undefined
        ? upsertContact(powerlistId, created(sent))
        : { contact: await changeContact(before.id, changed(sent, before)), isNew: false },
    invalidates: [["contacts"], ["powerlists"]],
    done: (saved) => {
      const name = nameOf(saved.contact) ?? saved.contact.phone_number;
      if (before !== undefined) return `${name} was saved`;
      return saved.isNew ? `${name} was added` : `${name} was on the list and has been updated`;
    },
    failed: before === undefined ? "Could not add the contact" : "Could not save the contact",
    shows: (problem) => {
      const { errors, rest: unplaced } = placed(problem, form.values);
      if (problem.code === "taken" || problem.status === 409) {
        errors.phone_number ??= "Another contact of this list has that number.";
      }
      show(errors, unplaced);
      return Object.keys(errors).length + unplaced.length > 0;
    },
    onDone: (saved) => onSaved(saved.contact),
  });

  function submit() {
    if (save.isPending) return;
    form.clearErrors();
    setRest([]);
    const got = read(form.values);
    if ("errors" in got) show(got.errors, []);
    else save.mutate(got.contact);
  }

  const text = (field: TextField, autoComplete = "off") => (
    <TextInput
      label={fieldLabel(field)}
      autoComplete={autoComplete}
      {...form.getInputProps(field)}
    />
  );
  const cols = narrow ? 1 : { base: 1, xs: 2 };
  return (
    <form
      ref={element}
      noValidate
      aria-label={before === undefined ? "Add contact" : "Edit contact"}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
      }}
    >
      <Stack gap="md">
        <TextInput
          label="Phone number"
          description="With its country code, or as dialled in the list's default country."
          placeholder="+12025550187"
          type="tel"
          required
          autoComplete="off"
          data-autofocus
          autoFocus
          {...form.getInputProps("phone_number")}
        />
        <SimpleGrid cols={cols} spacing="md">
          {text("first_name")}
          {text("last_name")}
        </SimpleGrid>
        {text("email")}
        {text("address")}
        <SimpleGrid cols={cols} spacing="md">
          {text("city")}
          {text("state")}
          {text("postal_code")}
          {text("country")}
          {text("timezone")}
          {text("disposition")}
        </SimpleGrid>
        <TagsInput
          label="Tags"
          description="Enter or a comma ends one."
          placeholder={form.values.tags.length === 0 ? "qualified" : undefined}
          clearable
          clearButtonProps={{ "aria-label": "Remove all tags" }}
          {...form.getInputProps("tags")}
        />
        <SimpleGrid cols={cols} spacing="md">
          <Question
            label="Consent to be contacted"
            value={form.values.consent}
            onChange={(consent) => form.setFieldValue("consent", consent)}
          />
          <Question
            label="Do not disturb"
            value={form.values.dnd}
            onChange={(dnd) => form.setFieldValue("dnd", dnd)}
          />
        </SimpleGrid>
        <CustomRows form={form} />
        <div aria-live="polite">
          {(rest.length > 0 || count > 0) && (
            <Alert color="red" variant="light" p="xs">
              {count > 0 &&
                `${count === 1 ? "One field needs" : `${count} fields need`} another look.`}
              {rest.map((message) => (
                <div key={message}>{message}</div>
              ))}
            </Alert>
          )}
        </div>
        <Group justify="flex-end" gap="xs" className={classes.foot}>
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            {before === undefined ? "Add contact" : "Save"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Question(props: {
  label: string;
  value: Values["consent"];
  onChange: (value: Values["consent"]) => void;
}) {
  const id = useId();
  return (
    <div>
      <Input.Label labelElement="div" id={id} mb={4} display="block">
        {props.label}
      </Input.Label>
      <SegmentedControl
        aria-labelledby={id}
        fullWidth
        size="xs"
        value={props.value}
        onChange={(value) => props.onChange(value as Values["consent"])}
        data={[
          { value: "unknown", label: "Unknown" },
          { value: "yes", label: "Yes" },
          { value: "no", label: "No" },
        ]}
      />
    </div>
  );
}

function CustomRows({ form }: { form: UseFormReturnType<Values> }) {
  const { custom } = form.values;
  return (
    <Input.Wrapper
      label="Custom fields"
      labelElement="div"
      description="Anything else that is known, under a name of your own."
      error={form.errors.custom_fields}
    >
      <Stack gap="xs" mt={6}>
        {custom.map(({ name, json }, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place.
          <div key={n} className={classes.customRow}>
            <TextInput
              aria-label={`Name of custom field ${n + 1}`}
              placeholder="lead_score"
              spellCheck={false}
              autoComplete="off"
              {...form.getInputProps(`custom.${n}.name`)}
            />
            <TextInput
              aria-label={`Value of custom field ${n + 1}`}
              spellCheck={false}
              autoComplete="off"
              classNames={json ? { input: "mono" } : undefined}
              {...form.getInputProps(`custom.${n}.value`)}
            />
            <Tooltip label="A number, true or false, or a list, written as JSON">
              <div className={classes.json}>
                <Switch
                  size="xs"
                  label="JSON"
                  aria-label={`Custom field ${n + 1} is JSON`}
                  {...form.getInputProps(`custom.${n}.json`, { type: "checkbox" })}
                />
              </div>
            </Tooltip>
            <Tooltip label="Remove">
              <ActionIcon
                variant="subtle"
                color="gray"
                size={36}
                aria-label={`Remove custom field ${name || n + 1}`}
                onClick={() => form.removeListItem("custom", n)}
              >
                <IconTrash size={16} color="var(--mantine-color-dimmed)" />
              </ActionIcon>
            </Tooltip>
          </div>
        ))}
        {custom.length === 0 && (
          <Text size="sm" c="dimmed">
            None.
          </Text>
        )}
        <div>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() => form.insertListItem("custom", { name: "", value: "", json: false })}
          >
            Add a field
          </Button>
        </div>
      </Stack>
    </Input.Wrapper>
  );
}
