// A password that can be looked at while it is typed, also by those who have no pointer.
import { PasswordInput, type PasswordInputProps } from "@mantine/core";

export function PasswordField(props: PasswordInputProps) {
  return (
    <PasswordInput
      visibilityToggleFocusable
      visibilityToggleButtonProps={{ "aria-label": `Show: ${props.label}`, c: "dimmed" }}
      {...props}
    />
  );
}
