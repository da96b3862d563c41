import { Card, Text, Title } from "@mantine/core";
import { type ReactNode, useId } from "react";

interface Props {
  title: string;
  lead?: ReactNode;
  children: ReactNode;
}

/** A titled part of a settings page. */
export function Section({ title, lead, children }: Props) {
  const id = useId();
  return (
    <Card component="section" aria-labelledby={id} padding="lg">
      <Title order={2} id={id}>
        {title}
      </Title>
      {lead && (
        <Text c="dimmed" size="sm" mt={2}>
          {lead}
        </Text>
      )}
      <div style={{ marginTop: 16 }}>{children}</div>
    </Card>
  );
}
