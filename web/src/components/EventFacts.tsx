// What one event type, or a pattern of them, is: when it occurs, what for, what is sent.
import { List, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { EventType } from "../api/client";
import { CodeBlock } from "./CodeBlock";
import { branchTitle, covers } from "./patterns";

interface Props {
  pattern: string;
  types: EventType[];
  /** What choosing it does, where that is more than being told of it. */
  does?: string;
}

export function EventFacts({ pattern, types, does }: Props) {
  const type = types.find(({ name }) => name === pattern);
  if (pattern.endsWith("*")) {
    const covered = types.filter(({ name }) => covers(pattern, name));
    return (
      <Stack gap={6}>
        <Text fw={600}>{branchTitle(pattern)}</Text>
        <Text size="sm" c="dimmed">
          {covered.length} event types now, and those that are added later:
        </Text>
        <List size="sm" spacing={2} className="mono">
          {covered.map(({ name }) => (
            <List.Item key={name}>{name}</List.Item>
          ))}
        </List>
      </Stack>
    );
  }
  if (type === undefined) {
    return (
      <Text size="sm">
        There is no event type <span className="mono">{pattern}</span> in the catalogue now.
      </Text>
    );
  }
  return (
    <Stack gap={8}>
      <div>
        <Text fw={600}>{type.title}</Text>
        <Text size="sm" c="dimmed" className="mono">
          {type.name}
        </Text>
      </div>
      {does && <Fact name="Its URL">{does}</Fact>}
      {type.triggered && <Fact name="Triggered">{type.triggered}</Fact>}
      {type.use_cases.length > 0 && <Fact name="Use cases">{type.use_cases.join(", ")}</Fact>}
      {type.description && <Fact name="About">{type.description}</Fact>}
      {type.sample && (
        <Fact name="Sample data">
          <CodeBlock
            code={JSON.stringify(type.sample, null, 2)}
            label={`sample of ${type.name}`}
            language="json"
            maxHeight={200}
          />
        </Fact>
      )}
    </Stack>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" fw={600} c="dimmed">
        {name}
      </Text>
      <Text size="sm" component="div">
        {children}
      </Text>
    </div>
  );
}
