// The head of every page: where it is, what it is called, what can be done; and the document's
// title.
import { Anchor, Group, Stack, Text, Title } from "@mantine/core";
import { Link, type LinkProps } from "@tanstack/react-router";
import { Fragment, type ReactNode } from "react";
import classes from "./Page.module.css";

export interface Crumb {
  label: string;
  to?: LinkProps["to"];
  params?: Record<string, string>;
}

interface Props {
  /** The h1, and the document's title. */
  title: string;
  /** Where the page is, from the outside in, without itself. */
  crumbs?: Crumb[];
  /** Beside the title, such as a StatusBadge. */
  badge?: ReactNode;
  /** Before the title: the yellow Back button. */
  back?: ReactNode;
  /** Under the title, in one sentence. */
  lead?: ReactNode;
  /** Buttons, at the right. */
  actions?: ReactNode;
  children?: ReactNode;
}

export function Page({ title, crumbs = [], badge, back, lead, actions, children }: Props) {
  return (
    <Stack gap="md">
      <title>{`${title} · Posthaste`}</title>
      <div>
        {crumbs.length > 0 && (
          <nav aria-label="Breadcrumb" className={classes.crumbs}>
            {crumbs.map(({ label, to, params }, n) => (
              <Fragment key={label}>
                {n > 0 && <span aria-hidden="true">/</span>}
                {to === undefined ? (
                  <span>{label}</span>
                ) : (
                  <Anchor component={Link} to={to} params={params as never} inherit c="inherit">
                    {label}
                  </Anchor>
                )}
              </Fragment>
            ))}
          </nav>
        )}
        <Group justify="space-between" align="center" gap="sm">
          <Group gap="sm" className={classes.title}>
            {back}
            <Title order={1} className={classes.heading}>
              {title}
            </Title>
            {badge}
          </Group>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
        {lead && (
          <Text c="dimmed" size="md" mt={4} maw={720}>
            {lead}
          </Text>
        )}
      </div>
      {children}
    </Stack>
  );
}
