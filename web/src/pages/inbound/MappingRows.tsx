// The fields of a mapping: each with the name in the request that holds it, and what it becomes.
import { ActionIcon, Button, Group, Select, Text, TextInput, Tooltip } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { type MappingPreview, sentence } from "../../api/client";
import { CUSTOM, fieldLabel, written } from "../contact/fields";
import own from "./Inbound.module.css";
import { type Mapping, pathChoices } from "./mapping";

interface RowProps {
  chosen: string | undefined;
  preview: MappingPreview;
  disabled: boolean;
  onPath: (path: string | null) => void;
}

export function FieldRow(props: RowProps & { field: MappingPreview["fields"][number] }) {
  const { field, chosen, preview, disabled, onPath } = props;
  const label = fieldLabel(field.field);
  return (
    <li className={own.row} data-field={field.field}>
      <div>
        <Text fw={600}>{label}</Text>
        <Text size="xs" c="dimmed" className="mono">
          {field.field}
        </Text>
      </div>
      <PathSelect
        label={`Value for ${label}`}
        placeholder={field.path === null ? "Not in this request" : `Found as ${field.path}`}
        chosen={chosen}
        preview={preview}
        disabled={disabled}
        onPath={onPath}
      />
      <div className={own.preview}>
        {field.error !== null ? (
          <Text size="sm" c="var(--ph-bad)" role="alert">
            {sentence(field.error)}
          </Text>
        ) : field.from === null ? (
          <Text size="sm" c="dimmed">
            —
          </Text>
        ) : (
          <>
            <span className="mono">{written(field.value)}</span>
            {written(field.value) !== field.from && (
              <Text size="xs" c="dimmed">
                from {field.from}
              </Text>
            )}
          </>
        )}
      </div>
    </li>
  );
}

export function CustomRow(props: RowProps & { name: string }) {
  const { name, chosen, preview, disabled, onPath } = props;
  const label = fieldLabel(name);
  const found = preview.custom_fields.find((each) => each.name === label);
  return (
    <li className={own.row}>
      <div>
        <Text fw={600}>{label}</Text>
        <Text size="xs" c="dimmed">
          Custom field
        </Text>
      </div>
      <Group gap={4} wrap="nowrap">
        <div style={{ flex: 1, minWidth: 0 }}>
          <PathSelect
            label={`Value for ${label}`}
            placeholder="Choose a value"
            chosen={chosen}
            preview={preview}
            disabled={disabled}
            onPath={onPath}
          />
        </div>
        <Tooltip label="Remove">
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            aria-label={`Remove custom field ${label}`}
            disabled={disabled}
            onClick={() => onPath(null)}
          >
            <IconTrash size={16} color="var(--mantine-color-dimmed)" />
          </ActionIcon>
        </Tooltip>
      </Group>
      <div className={`mono ${own.preview}`}>{found ? written(found.value) : "—"}</div>
    </li>
  );
}

function PathSelect(props: RowProps & { label: string; placeholder: string }) {
  const { label, placeholder, chosen, preview, disabled, onPath } = props;
  const choices = pathChoices(preview, chosen);
  const samples = new Map(choices.map(({ value, sample }) => [value, sample]));
  return (
    <Select
      aria-label={label}
      placeholder={placeholder}
      data={
        chosen === undefined ? choices : [{ value: "", label: "Find it by itself" }, ...choices]
      }
      value={chosen ?? null}
      onChange={(path) => onPath(path || null)}
      searchable
      allowDeselect={false}
      disabled={disabled}
      nothingFoundMessage="Nothing of that name in the request"
      renderOption={({ option }) => (
        <div className={own.preview}>
          <span className="mono">{option.label}</span>
          <Text size="xs" c="dimmed" lineClamp={1}>
            {samples.get(option.value)}
          </Text>
        </div>
      )}
    />
  );
}

export function AddCustom(props: {
  preview: MappingPreview;
  taken: Mapping;
  onAdd: (field: string, path: string) => void;
}) {
  const { preview, taken, onAdd } = props;
  const [name, setName] = useState("");
  const [path, setPath] = useState<string | null>(null);
  const field = `${CUSTOM}${name.trim()}`;
  const twice = Object.hasOwn(taken, field);
  return (
    <form
      aria-label="Add a custom field"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() === "" || path === null || twice) return;
        onAdd(field, path);
        setName("");
        setPath(null);
      }}
    >
      <Group align="flex-end" gap="xs">
        <TextInput
          label="Custom field"
          placeholder="lead_score"
          w={180}
          autoComplete="off"
          spellCheck={false}
          value={name}
          error={twice ? "is there already" : undefined}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Select
          label="Value"
          placeholder="Choose a value"
          w={240}
          data={pathChoices(preview, undefined)}
          value={path}
          onChange={setPath}
          searchable
        />
        <Button
          type="submit"
          variant="default"
          leftSection={<IconPlus size={14} />}
          disabled={name.trim() === "" || path === null || twice}
        >
          Add
        </Button>
      </Group>
      <Text size="sm" c="dimmed" mt={6}>
        Names that no field has become custom fields by themselves; this gives one another name.
      </Text>
    </form>
  );
}
