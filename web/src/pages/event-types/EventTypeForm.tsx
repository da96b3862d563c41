// Adds an event type of one's own, or changes one.
import {
  Button,
  Group,
  Modal,
  SimpleGrid,
  Stack,
  Switch,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMediaQuery } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { answer, client, type EventType, fieldErrors, type Schemas } from "../../api/client";
import { eventTypesQuery, useAction } from "../../api/queries";
import { faultsOf, parseData } from "../test/payload";
import classes from "./EventTypes.module.css";

interface Values {
  name: string;
  group: string;
  description: string;
  useCases: string;
  schema: string;
  sample: string;
  deprecated: boolean;
}

/** Mounted while it is open. */
export function EventTypeForm({ type, onClose }: { type?: EventType; onClose: () => void }) {
  const navigate = useNavigate();
  const phone = useMediaQuery("(max-width: 47.99em)");
  const form = useForm<Values>({ mode: "uncontrolled", initialValues: initial(type) });
  const save = useAction<Schemas["NewEventType"], EventType>({
    run: ({ name, ...settings }) =>
      type === undefined
        ? answer(client.POST("/v1/event-types", { body: { name, ...settings } }))
        : answer(
            client.PUT("/v1/event-types/{name}", {
              params: { path: { name: type.name } },
              body: settings,
            }),
          ),
    invalidates: [eventTypesQuery.queryKey],
    done: ({ name }) => `${name} is ${type === undefined ? "added" : "saved"}.`,
    failed: "Could not save the event type",
    shows: (problem) => {
      const errors = byField(fieldErrors(problem));
      if (problem.status === 409) errors.name = "There is one of this name already.";
      form.setErrors(errors);
      return Object.keys(errors).length > 0;
    },
    onDone: ({ name }) => {
      onClose();
      if (type === undefined) {
        void navigate({ to: "/setup/event-types/$name", params: { name } as never });
      }
    },
  });

  async function submit(values: Values) {
    const { body, errors } = await read(values);
    form.setErrors(errors);
    if (Object.keys(errors).length === 0) save.mutate(body);
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={type === undefined ? "Add an event type" : `Edit ${type.name}`}
      size="xl"
      fullScreen={phone}
    >
      <form onSubmit={form.onSubmit((values) => void submit(values))} noValidate>
        <Stack gap="md">
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="Name"
              description="In events and webhooks; it cannot be changed later."
              placeholder="deal.won"
              required
              disabled={type !== undefined}
              data-autofocus={type === undefined || undefined}
              autoComplete="off"
              spellCheck={false}
              key={form.key("name")}
              {...form.getInputProps("name")}
            />
            <TextInput
              label="Group"
              description="The heading it stands under."
              placeholder="Custom"
              maxLength={50}
              key={form.key("group")}
              {...form.getInputProps("group")}
            />
          </SimpleGrid>
          <Textarea
            label="Description"
            description="When it occurs, for those who choose it."
            autosize
            minRows={2}
            maxLength={2_000}
            data-autofocus={type !== undefined || undefined}
            key={form.key("description")}
            {...form.getInputProps("description")}
          />
          <Textarea
            label="Use cases"
            description="One a line."
            autosize
            minRows={2}
            key={form.key("useCases")}
            {...form.getInputProps("useCases")}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Textarea
              label="Sample data"
              description="What tests are pre-filled with: a JSON object."
              autosize
              minRows={8}
              maxRows={16}
              spellCheck={false}
              classNames={{ input: classes.editor }}
              key={form.key("sample")}
              {...form.getInputProps("sample")}
            />
            <Textarea
              label="JSON Schema"
              description="Of the data; optional, draft 2020-12."
              autosize
              minRows={8}
              maxRows={16}
              spellCheck={false}
              classNames={{ input: classes.editor }}
              key={form.key("schema")}
              {...form.getInputProps("schema")}
            />
          </SimpleGrid>
          <Switch
            label="Deprecated: still sent, but no longer to be chosen"
            key={form.key("deprecated")}
            {...form.getInputProps("deprecated", { type: "checkbox" })}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              {type === undefined ? "Add event type" : "Save"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function initial(type?: EventType): Values {
  const json = (value: unknown) => (value == null ? "" : JSON.stringify(value, null, 2));
  return {
    name: type?.name ?? "",
    group: type?.group ?? "",
    description: type?.description ?? "",
    useCases: type?.use_cases.join("\n") ?? "",
    schema: json(type?.schema),
    sample: json(type?.sample),
    deprecated: type?.deprecated ?? false,
  };
}

/** What is sent, or what is wrong, by field. */
async function read(values: Values) {
  const errors: Partial<Record<keyof Values, string>> = {};
  const object = (field: "schema" | "sample") => {
    if (values[field].trim() === "") return null;
    const parsed = parseData(values[field]);
    if (parsed.ok) return parsed.data;
    errors[field] = parsed.message;
    return null;
  };
  const name = values.name.trim();
  if (name === "") errors.name = "A name is needed, such as deal.won.";
  const [schema, sample] = [object("schema"), object("sample")];
  if (schema !== null && sample !== null) {
    try {
      const [fault] = await faultsOf(schema, sample);
      if (fault) {
        const place = fault.at === "" ? "" : `${fault.at}: `;
        errors.sample = `Does not fit the schema. ${place}${fault.message}`;
      }
    } catch {
      errors.schema = "This is no JSON Schema that can be used.";
    }
  }
  const body: Schemas["NewEventType"] = {
    name,
    group: values.group.trim() || undefined,
    description: values.description.trim(),
    use_cases: values.useCases
      .split("\n")
      .map((use) => use.trim())
      .filter((use) => use !== ""),
    // Any object at all, which the description of the API cannot say.
    schema: schema as never,
    sample: sample as never,
    deprecated: values.deprecated,
  };
  return { body, errors };
}

/** The server's names of fields as the form's. */
function byField({ use_cases: useCases, ...others }: Record<string, string>) {
  return useCases === undefined ? others : { ...others, useCases };
}
