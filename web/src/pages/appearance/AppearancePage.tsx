// How the dashboard looks and behaves in this browser.
import {
  Button,
  Group,
  type MantineColorScheme,
  Radio,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  useMantineColorScheme,
} from "@mantine/core";
import { IconDeviceDesktop, IconMoon, IconSun } from "@tabler/icons-react";
import { useState } from "react";
import { Page } from "../../components/Page";
import { formatIso, formatMinutes, formatSeconds } from "../../format";
import { Keys, ShortcutsSheet } from "../../frame/ShortcutsSheet";
import { changePreferences, type Preferences, usePreferences } from "../../settings";
import { Section } from "../settings/Section";
import classes from "./AppearancePage.module.css";

const schemes = [
  { value: "auto", label: "As the system", icon: IconDeviceDesktop },
  { value: "light", label: "Light", icon: IconSun },
  { value: "dark", label: "Dark", icon: IconMoon },
] as const;

/** The moment that the formats are shown with. */
const SAMPLE = new Date(2025, 0, 15, 14, 30, 25, 123).toISOString();

export function AppearancePage() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { times, shortcuts } = usePreferences();
  const [sheet, setSheet] = useState(false);
  return (
    <Page
      title="Appearance"
      crumbs={[{ label: "Settings", to: "/settings" }]}
      lead="Kept in this browser, for you alone."
    >
      <Section title="Colours">
        <Radio.Group
          aria-label="Colours"
          value={colorScheme}
          onChange={(value) => setColorScheme(value as MantineColorScheme)}
        >
          <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm">
            {schemes.map(({ value, label, icon: Shape }) => (
              <Radio.Card key={value} value={value} className={classes.option}>
                <Group gap="sm" wrap="nowrap">
                  <Radio.Indicator />
                  <Shape size={18} stroke={1.6} aria-hidden="true" />
                  <Text fw={550}>{label}</Text>
                </Group>
              </Radio.Card>
            ))}
          </SimpleGrid>
        </Radio.Group>
      </Section>
      <Section
        title="Times"
        lead="In your time zone either way; a tooltip shows each time exactly, in UTC too."
      >
        <Radio.Group
          aria-label="Times"
          value={times}
          onChange={(value) => changePreferences({ times: value as Preferences["times"] })}
        >
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
            <Radio.Card value="short" className={classes.option}>
              <Group gap="sm" wrap="nowrap" align="flex-start">
                <Radio.Indicator mt={2} />
                <div>
                  <Text fw={550}>Short</Text>
                  <Text size="sm" c="dimmed" className="tabular">
                    5 min ago · {formatSeconds(SAMPLE)} · {formatMinutes(SAMPLE)}
                  </Text>
                </div>
              </Group>
            </Radio.Card>
            <Radio.Card value="iso" className={classes.option}>
              <Group gap="sm" wrap="nowrap" align="flex-start">
                <Radio.Indicator mt={2} />
                <div>
                  <Text fw={550}>ISO 8601</Text>
                  <Text size="sm" c="dimmed" className="tabular">
                    {formatIso(SAMPLE)}
                  </Text>
                </div>
              </Group>
            </Radio.Card>
          </SimpleGrid>
        </Radio.Group>
      </Section>
      <Section title="Keyboard">
        <Stack gap="md" align="flex-start">
          <Switch
            label="Single-key shortcuts"
            description="Switch them off if your device types letters by itself. Ctrl K works either way."
            checked={shortcuts}
            onChange={(event) => changePreferences({ shortcuts: event.currentTarget.checked })}
          />
          <Button variant="default" onClick={() => setSheet(true)} rightSection={<Keys keys="?" />}>
            Show all shortcuts
          </Button>
        </Stack>
      </Section>
      <ShortcutsSheet opened={sheet} onClose={() => setSheet(false)} />
    </Page>
  );
}
