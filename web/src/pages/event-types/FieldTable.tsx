import { Group, Table, Text } from "@mantine/core";
import { IconUser } from "@tabler/icons-react";
import { Prose } from "../../components/Prose";
import { Scroll } from "../../components/Scroll";
import { Badge } from "../../components/StatusBadge";
import classes from "./EventTypes.module.css";
import type { Field } from "./fields";

export function FieldTable({ fields }: { fields: Field[] }) {
  return (
    <Scroll label="Fields of data">
      <Table verticalSpacing={8} className={classes.fields}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Field</Table.Th>
            <Table.Th>Type</Table.Th>
            <Table.Th miw={240}>About</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {fields.map((field) => (
            <Table.Tr key={field.path}>
              <Table.Td
                className={classes.field}
                style={{ paddingInlineStart: 10 + field.depth * 18 }}
              >
                <Text span className="mono" fw={600}>
                  {field.name}
                </Text>
                {field.required && (
                  <Text size="xs" c="dimmed">
                    required
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <Text span size="sm" className="mono" c="dimmed">
                  {field.type}
                </Text>
              </Table.Td>
              <Table.Td className={classes.about}>
                {field.description && (
                  <Text size="sm">
                    <Prose text={field.description} />
                  </Text>
                )}
                {field.rules.length > 0 && (
                  <Text size="sm" c="dimmed">
                    {field.rules.join("; ")}
                  </Text>
                )}
                {field.example !== null && (
                  <Text size="sm" c="dimmed">
                    e.g. <span className="mono">{field.example}</span>
                  </Text>
                )}
                {field.personal && (
                  <Group mt={4}>
                    <Badge tone="info" icon={IconUser}>
                      Personal data
                    </Badge>
                  </Group>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}
