// All shortcuts that work on this page.
import { Group, Modal, SimpleGrid, Stack, Switch, Text, Title } from "@mantine/core";
import { Fragment } from "react";
import { changePreferences, usePreferences } from "../settings";
import classes from "./Frame.module.css";
import { useRegisteredShortcuts } from "./shortcuts";

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function ShortcutsSheet({ opened, onClose }: Props) {
  const all = useRegisteredShortcuts();
  const { shortcuts } = usePreferences();
  const groups = (["Go to", "Lists", "This page", "General"] as const)
    .map((title) => ({ title, rows: all.filter(({ group }) => group === title) }))
    .filter(({ rows }) => rows.length > 0);
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard shortcuts" size="lg">
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xl">
        {groups.map(({ title, rows }) => (
          <Stack key={title} gap={6}>
            <Title order={3}>{title}</Title>
            {rows.map(({ keys, label }) => (
              <Group key={keys} justify="space-between" wrap="nowrap">
                <Text>{label}</Text>
                <Keys keys={keys} />
              </Group>
            ))}
          </Stack>
        ))}
      </SimpleGrid>
      <Switch
        mt="lg"
        label="Single-key shortcuts"
        description="Ctrl K works either way."
        checked={shortcuts}
        onChange={(event) => changePreferences({ shortcuts: event.currentTarget.checked })}
      />
    </Modal>
  );
}

/** "g w" as two keys. */
export function Keys({ keys }: { keys: string }) {
  return (
    <span>
      {keys.split(/[ +]/).map((key, n) => (
        <Fragment key={key}>
          {n > 0 && " "}
          <kbd className={classes.kbd}>{key === "mod" ? "Ctrl" : key}</kbd>
        </Fragment>
      ))}
    </span>
  );
}
