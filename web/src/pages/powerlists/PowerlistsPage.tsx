// Holds the place of powerlists, and says so.
import { Button, Card, SimpleGrid, Text, Title } from "@mantine/core";
import {
  IconAddressBook,
  IconArrowRight,
  IconFileImport,
  IconPhoneCheck,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "../../components/EmptyState";
import { Page } from "../../components/Page";
import { Badge } from "../../components/StatusBadge";
import classes from "./PowerlistsPage.module.css";

const planned = [
  {
    icon: IconAddressBook,
    title: "Lists and their contacts",
    text: "Make lists, see who is in them, search, and remove contacts again.",
  },
  {
    icon: IconArrowRight,
    title: "Webhooks that fill them",
    text: "A webhook that receives: your CRM posts a contact to its address, and it lands in the list.",
  },
  {
    icon: IconPhoneCheck,
    title: "Fields and phone numbers",
    text: "Which field is the name, which the number; numbers in one form, each contact once.",
  },
  {
    icon: IconFileImport,
    title: "Import from CSV",
    text: "With progress, and the rows that were refused, each with its reason.",
  },
];

export function PowerlistsPage() {
  return (
    <Page
      title="Powerlists"
      crumbs={[{ label: "Setup" }]}
      badge={<Badge tone="neutral">Not in this version yet</Badge>}
      lead="A powerlist is a list of contacts to be called. Webhooks that receive put contacts into one."
    >
      <Card padding={0}>
        <EmptyState
          icon={IconAddressBook}
          title="Powerlists are not in this version yet"
          text="Nothing is kept here, and no webhook can fill a list so far. Webhooks that send events to your server work without them."
        >
          <Button component={Link} to="/setup/webhooks" variant="default">
            Go to Webhooks
          </Button>
        </EmptyState>
      </Card>
      <Title order={2} mt="sm">
        What will be here
      </Title>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
        {planned.map(({ icon: Shape, title, text }) => (
          <Card key={title}>
            <Shape size={20} stroke={1.6} className={classes.icon} aria-hidden="true" />
            <Title order={3} mt={8}>
              {title}
            </Title>
            <Text c="dimmed" mt={2}>
              {text}
            </Text>
          </Card>
        ))}
      </SimpleGrid>
    </Page>
  );
}
