// What the list is called and how its numbers are read, and the way to be rid of it.
import { Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Powerlist } from "../../api/client";
import { changePowerlist, type PowerlistSettings } from "../../api/contacts";
import { useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { EmptyState } from "../../components/EmptyState";
import { powerlistErrors } from "../powerlists/CreatePowerlist";
import { DeletePowerlist } from "../powerlists/DeletePowerlist";
import { PowerlistFields } from "../powerlists/PowerlistFields";
import classes from "./PowerlistPage.module.css";

export function SettingsTab({ powerlist }: { powerlist: Powerlist }) {
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const [deleting, setDeleting] = useState(false);
  const { name, description, default_country } = powerlist;
  const form = useForm<PowerlistSettings>({
    initialValues: { name, description, default_country },
  });
  const save = useAction<PowerlistSettings, Powerlist>({
    run: (settings) => changePowerlist(powerlist.id, settings),
    invalidates: [["powerlists"], ["audit-log"]],
    done: (saved) => `${saved.name} was saved`,
    failed: "Could not save the powerlist",
    shows: (problem) => {
      const errors = powerlistErrors(problem);
      form.setErrors(errors);
      return Object.keys(errors).length > 0;
    },
    onDone: (saved) => {
      const settled = {
        name: saved.name,
        description: saved.description,
        default_country: saved.default_country,
      };
      form.setInitialValues(settled);
      form.setValues(settled);
    },
  });
  if (!mayWrite) {
    return (
      <Card>
        <EmptyState
          title="You may look, not change"
          text="An owner or an editor can change this powerlist."
        />
      </Card>
    );
  }
  return (
    <Stack gap="md" maw={760}>
      <Card>
        <form
          noValidate
          aria-label="Powerlist"
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate({ ...form.values, name: form.values.name.trim() });
          }}
        >
          <PowerlistFields form={form} />
          <Group justify="flex-end" mt="lg">
            <Button type="submit" loading={save.isPending} disabled={!form.isDirty()}>
              Save
            </Button>
          </Group>
        </form>
      </Card>
      <Card className={classes.danger}>
        <div>
          <Title order={3}>Delete this powerlist</Title>
          <Text size="sm" c="dimmed">
            With all of its contacts. Webhooks that name it have to be changed first.
          </Text>
        </div>
        <Button variant="default" c="var(--ph-bad)" onClick={() => setDeleting(true)}>
          Delete
        </Button>
      </Card>
      <DeletePowerlist
        powerlist={deleting ? powerlist : null}
        onClose={() => setDeleting(false)}
        onDeleted={() => void navigate({ to: "/setup/powerlists", replace: true })}
      />
    </Stack>
  );
}
