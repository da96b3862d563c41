// The two buttons that have a colour of their own: Add and Back are yellow.
import { Button, type ButtonProps } from "@mantine/core";
import { IconArrowLeft, IconPlus } from "@tabler/icons-react";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";

interface Props extends Omit<ButtonProps, "children"> {
  to: LinkProps["to"];
  search?: unknown;
  children?: ReactNode;
}

export function AddButton({ to, search, children = "Add", ...rest }: Props) {
  return (
    <Button
      component={Link}
      to={to}
      search={search as never}
      color="yellow.5"
      c="black"
      leftSection={<IconPlus size={16} />}
      {...rest}
    >
      {children}
    </Button>
  );
}

export function BackButton({ to, search, children = "Back", ...rest }: Props) {
  return (
    <Button
      component={Link}
      to={to}
      search={search as never}
      color="yellow.5"
      c="black"
      size="xs"
      leftSection={<IconArrowLeft size={16} />}
      {...rest}
    >
      {children}
    </Button>
  );
}
