// All that is known of a contact. Every text in it came from somewhere else and is shown as text.
import { Anchor, Stack, Text, Title } from "@mantine/core";
import { IconBellOff, IconCheck, IconHelp, IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Contact } from "../../api/client";
import { usePowerlistNames } from "../../api/contacts";
import { CopyButton } from "../../components/CopyButton";
import { IdCopy } from "../../components/IdCopy";
import { Badge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import classes from "./Contact.module.css";
import { fieldLabel, textFields, written } from "./fields";

const sources = { api: "The API or this dashboard", import: "A CSV import", webhook: "A webhook" };

/** Consent and do-not-disturb as badges; nothing about the latter while it is off. */
export function ConsentBadges({ contact }: { contact: Pick<Contact, "consent" | "dnd"> }) {
  const { consent, dnd } = contact;
  return (
    <>
      {consent === null ? (
        <Badge tone="neutral" icon={IconHelp}>
          Consent unknown
        </Badge>
      ) : consent ? (
        <Badge tone="ok" icon={IconCheck}>
          Consent
        </Badge>
      ) : (
        <Badge tone="bad" icon={IconX}>
          No consent
        </Badge>
      )}
      {dnd === true && (
        <Badge tone="warn" icon={IconBellOff}>
          Do not disturb
        </Badge>
      )}
    </>
  );
}

export function Tags({ tags }: { tags: string[] }) {
  return tags.map((tag) => (
    <span key={tag} className={classes.tag}>
      {tag}
    </span>
  ));
}

export function ContactView({ contact, narrow }: { contact: Contact; narrow?: boolean }) {
  const listName = usePowerlistNames()(contact.powerlist_id);
  const custom = Object.entries(contact.custom_fields);
  const known = textFields.filter((field) => contact[field] !== null);
  const unknown = textFields.filter((field) => contact[field] === null);
  return (
    <div className={narrow ? undefined : classes.columns}>
      <section aria-label="Fields">
        <dl className={classes.facts}>
          <Fact name="Phone number">
            <span className="mono">{contact.phone_number}</span>
            <CopyButton text={contact.phone_number} what="phone number" />
          </Fact>
          {known.map((field) => (
            <Fact key={field} name={fieldLabel(field)}>
              <span className={classes.value}>{contact[field]}</span>
              <CopyButton text={contact[field] ?? ""} what={fieldLabel(field).toLowerCase()} />
            </Fact>
          ))}
          <Fact name="Tags">
            {contact.tags.length === 0 ? <None /> : <Tags tags={contact.tags} />}
          </Fact>
          <Fact name="Consent">
            <ConsentBadges contact={contact} />
          </Fact>
          {unknown.length > 0 && (
            <Fact name="Not known">
              <Text span size="sm" c="dimmed">
                {unknown.map((field) => fieldLabel(field)).join(", ")}
              </Text>
            </Fact>
          )}
        </dl>
      </section>
      <Stack gap="md" mt={narrow ? "md" : undefined}>
        <section aria-label="Custom fields">
          <Title order={3} mb={4}>
            Custom fields
          </Title>
          {custom.length === 0 ? (
            <Text size="sm" c="dimmed">
              None. Whatever a webhook or a file brings under another name is kept here.
            </Text>
          ) : (
            <dl className={classes.facts}>
              {custom.map(([name, value]) => (
                <Fact key={name} name={name}>
                  <span
                    className={typeof value === "string" ? classes.value : `mono ${classes.value}`}
                  >
                    {written(value)}
                  </span>
                  <CopyButton text={written(value)} what={name} />
                </Fact>
              ))}
            </dl>
          )}
        </section>
        <section aria-label="Where it is">
          <Title order={3} mb={4}>
            Where it is
          </Title>
          <dl className={classes.facts}>
            <Fact name="Powerlist">
              <Anchor
                component={Link}
                to="/setup/powerlists/$id"
                params={{ id: contact.powerlist_id } as never}
              >
                {listName ?? contact.powerlist_id}
              </Anchor>
            </Fact>
            <Fact name="Contact id">
              <IdCopy id={contact.id} what="contact id" />
            </Fact>
            <Fact name="Came from">{sources[contact.source]}</Fact>
            <Fact name="Created at">
              <TimeText at={contact.created_at} as="minutes" />
            </Fact>
            <Fact name="Updated">
              <TimeText at={contact.updated_at} />
            </Fact>
            <Fact name="Events">
              <Anchor
                component={Link}
                to="/deliveries"
                search={{ event: "contact" } as never}
                size="sm"
              >
                Deliveries of contact events
              </Anchor>
            </Fact>
          </dl>
        </section>
      </Stack>
    </div>
  );
}

function None() {
  return (
    <Text span size="sm" c="dimmed">
      None
    </Text>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
