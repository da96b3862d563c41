// A choice between roles, each with what it means in plain words.
import { Radio, Stack } from "@mantine/core";
import type { ReactNode } from "react";

export interface RoleOption<Role extends string> {
  value: Role;
  label: string;
  text: string;
}

interface Props<Role extends string> {
  label: string;
  options: readonly RoleOption<Role>[];
  value?: Role;
  onChange: (role: Role) => void;
  error?: ReactNode;
}

export function RoleChoice<Role extends string>(props: Props<Role>) {
  const { label, options, value, onChange, error } = props;
  return (
    <Radio.Group
      label={label}
      value={value}
      onChange={(chosen) => onChange(chosen as Role)}
      error={error}
    >
      <Stack gap="sm" mt={6}>
        {options.map((option) => (
          <Radio
            key={option.value}
            value={option.value}
            label={option.label}
            description={option.text}
          />
        ))}
      </Stack>
    </Radio.Group>
  );
}
