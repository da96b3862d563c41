// Which column is which, and what the first rows become.
import {
  Alert,
  Badge as Chip,
  Group,
  Select,
  Skeleton,
  Stack,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconX } from "@tabler/icons-react";
import type { ImportPreview } from "../../api/client";
import { ErrorState } from "../../components/ErrorState";
import { Scroll } from "../../components/Scroll";
import { nameOf } from "../contact/fields";
import { fieldChoices, LEFT_OUT, withColumn } from "./columns";
import classes from "./Import.module.css";

const delimiters = [
  { value: ",", label: "Comma ," },
  { value: ";", label: "Semicolon ;" },
  { value: "\t", label: "Tab" },
  { value: "|", label: "Bar |" },
];

interface Props {
  preview: ImportPreview | undefined;
  /** Of the choices before; the new one is on its way. */
  stale: boolean;
  error: unknown;
  onRetry: () => void;
  columns: (string | null)[] | undefined;
  onColumns: (columns: (string | null)[]) => void;
  onDelimiter: (delimiter: string) => void;
  onOther: () => void;
}

export function ColumnsStep(props: Props) {
  const { preview, stale, error, onRetry, columns, onColumns, onDelimiter } = props;
  if (preview === undefined || columns === undefined) {
    return error == null ? (
      <>
        <span className="visually-hidden" role="status">
          Reading the file
        </span>
        <Skeleton height={280} />
      </>
    ) : (
      <ErrorState error={error} title="The file could not be read" onRetry={onRetry} />
    );
  }
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-end">
        <Text c="dimmed" maw={520}>
          Say which field of a contact each column holds. What the headings suggest is chosen.
        </Text>
        <Select
          label="Between columns"
          w={170}
          data={
            delimiters.some(({ value }) => value === preview.delimiter)
              ? delimiters
              : [...delimiters, { value: preview.delimiter, label: preview.delimiter }]
          }
          value={preview.delimiter}
          onChange={(value) => value !== null && onDelimiter(value)}
          allowDeselect={false}
        />
      </Group>
      <ul className={classes.columns} aria-label="Columns">
        {preview.columns.map(({ name, samples }, n) => {
          const field = columns[n] ?? null;
          const heading = name || `Column ${n + 1}`;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place.
            <li key={n} className={classes.column} data-out={field === null || undefined}>
              <div className={classes.heading}>
                <Text fw={600}>{heading}</Text>
                <Text size="xs" c="dimmed" className={classes.samples}>
                  {samples.filter((sample) => sample !== "").join(" · ") || "No values"}
                </Text>
              </div>
              <Select
                aria-label={`Field of ${heading}`}
                data={fieldChoices(name, field)}
                value={field ?? LEFT_OUT}
                onChange={(to) => onColumns(withColumn(columns, n, to || null))}
                searchable
                allowDeselect={false}
                nothingFoundMessage="No such field"
              />
            </li>
          );
        })}
      </ul>
      <div aria-live="polite">
        {preview.errors.length > 0 ? (
          <Alert color="red" variant="light" icon={<IconAlertTriangle />} title="Not yet">
            {preview.errors.map(({ pointer, message }) => (
              <div key={`${pointer} ${message}`}>{message}</div>
            ))}
          </Alert>
        ) : (
          !columns.includes("phone_number") && (
            <Alert color="yellow" variant="light" icon={<IconAlertTriangle />}>
              Choose the column that holds the phone number.
            </Alert>
          )
        )}
      </div>
      <Rows preview={preview} stale={stale} />
    </Stack>
  );
}

function Rows({ preview, stale }: { preview: ImportPreview; stale: boolean }) {
  const usable = preview.rows.filter(({ contact }) => contact !== null).length;
  return (
    <section aria-labelledby="first-rows">
      <Group justify="space-between" mb={6}>
        <Title order={3} id="first-rows">
          What the first rows become
        </Title>
        <Text size="sm" c="dimmed" role="status">
          {stale ? "Reading again…" : `${usable} of ${preview.rows.length} can be used`}
        </Text>
      </Group>
      <Scroll label="First rows" className={classes.rows}>
        <Table verticalSpacing={6} horizontalSpacing="sm" data-stale={stale || undefined}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={70}>Line</Table.Th>
              <Table.Th>Phone</Table.Th>
              <Table.Th>Name</Table.Th>
              <Table.Th>E-mail</Table.Th>
              <Table.Th>Other</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {preview.rows.map(({ line, values, contact, reason }) => (
              <Table.Tr key={line}>
                <Table.Td c="dimmed" className="tabular">
                  {line}
                </Table.Td>
                {contact === null ? (
                  <Table.Td colSpan={4}>
                    <Group gap={6} wrap="nowrap" align="flex-start">
                      <IconX size={16} color="var(--ph-bad)" aria-hidden="true" />
                      <div className={classes.heading}>
                        <Text size="sm" c="var(--ph-bad)">
                          Skipped: {reason ?? "it cannot be used"}
                        </Text>
                        <Text size="xs" c="dimmed" lineClamp={1}>
                          {values.join(" · ")}
                        </Text>
                      </div>
                    </Group>
                  </Table.Td>
                ) : (
                  <>
                    <Table.Td>
                      <Group gap={6} wrap="nowrap">
                        <IconCheck size={16} color="var(--ph-ok)" aria-hidden="true" />
                        <span className="mono">{contact.phone_number}</span>
                      </Group>
                    </Table.Td>
                    <Table.Td>{nameOf(contact) ?? "—"}</Table.Td>
                    <Table.Td>{contact.email ?? "—"}</Table.Td>
                    <Table.Td>
                      <Others contact={contact} />
                    </Table.Td>
                  </>
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </section>
  );
}

function Others({ contact }: { contact: NonNullable<ImportPreview["rows"][number]["contact"]> }) {
  const { tags = [], consent, dnd, custom_fields = {} } = contact;
  const custom = Object.keys(custom_fields).length;
  const parts = [
    ...tags,
    ...(consent == null ? [] : [consent ? "consent" : "no consent"]),
    ...(dnd === true ? ["do not disturb"] : []),
    ...(custom === 0 ? [] : [custom === 1 ? "1 custom field" : `${custom} custom fields`]),
  ];
  return parts.length === 0 ? (
    "—"
  ) : (
    <Group gap={4}>
      {parts.map((part) => (
        <Chip key={part} variant="default" size="sm" tt="none" fw={500}>
          {part}
        </Chip>
      ))}
    </Group>
  );
}
