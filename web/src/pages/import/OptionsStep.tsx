// What an import does with its rows.
import { Radio, Stack, Switch, TagsInput } from "@mantine/core";

export interface Options {
  onExisting: "update" | "skip";
  tags: string[];
  onlyWithConsent: boolean;
  raiseEvents: boolean;
}

export const standardOptions: Options = {
  onExisting: "update",
  tags: [],
  onlyWithConsent: false,
  raiseEvents: false,
};

interface Props {
  options: Options;
  onChange: (options: Options) => void;
  /** Whether a column says who agreed. */
  hasConsent: boolean;
  disabled: boolean;
}

export function OptionsStep({ options, onChange, hasConsent, disabled }: Props) {
  const change = (to: Partial<Options>) => onChange({ ...options, ...to });
  return (
    <Stack gap="lg" maw={640}>
      <Radio.Group
        label="Contacts that are on the list already"
        value={options.onExisting}
        onChange={(value) => change({ onExisting: value as Options["onExisting"] })}
      >
        <Stack gap={8} mt={6}>
          <Radio
            value="update"
            label="Update"
            description="What the file says replaces what is known; blank cells erase nothing."
            disabled={disabled}
          />
          <Radio
            value="skip"
            label="Leave as they are"
            description="Only new contacts are added."
            disabled={disabled}
          />
        </Stack>
      </Radio.Group>
      <TagsInput
        label="Tags"
        description="Put on every contact of the file. Enter or a comma ends one."
        value={options.tags}
        onChange={(tags) => change({ tags })}
        disabled={disabled}
      />
      <Switch
        label="Only with consent"
        description={
          hasConsent
            ? "Rows of contacts that did not agree to be called are skipped."
            : "No column is matched to consent, so every row would be skipped."
        }
        checked={options.onlyWithConsent}
        onChange={(event) => change({ onlyWithConsent: event.currentTarget.checked })}
        disabled={disabled || (!hasConsent && !options.onlyWithConsent)}
      />
      <Switch
        label="Raise events"
        description="Each contact that is added or changed is told to the webhooks that listen to it. A large file makes as many events."
        checked={options.raiseEvents}
        onChange={(event) => change({ raiseEvents: event.currentTarget.checked })}
        disabled={disabled}
      />
    </Stack>
  );
}
