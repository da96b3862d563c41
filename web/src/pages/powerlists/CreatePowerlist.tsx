// Makes a powerlist, on the page of all of them and from within other forms.
import { Button, Group, Modal, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { fieldErrors, type Powerlist } from "../../api/client";
import { createPowerlist, type PowerlistSettings } from "../../api/contacts";
import { useAction } from "../../api/queries";
import { blankPowerlist, PowerlistFields } from "./PowerlistFields";

interface Props {
  /** What its name starts with. */
  name?: string;
  onClose: () => void;
  onCreated: (powerlist: Powerlist) => void;
}

/** Mounted while it is open. */
export function CreatePowerlist({ name = "", onClose, onCreated }: Props) {
  const form = useForm<PowerlistSettings>({ initialValues: { ...blankPowerlist, name } });
  const create = useAction<PowerlistSettings, Powerlist>({
    run: (settings) => createPowerlist({ ...settings, name: settings.name.trim() }),
    invalidates: [["powerlists"], ["audit-log"]],
    done: (powerlist) => `${powerlist.name} was created`,
    failed: "Could not create the powerlist",
    shows: (problem) => {
      const errors = powerlistErrors(problem);
      form.setErrors(errors);
      return Object.keys(errors).length > 0;
    },
    onDone: onCreated,
  });
  return (
    <Modal opened onClose={onClose} title="Create a powerlist">
      <form
        noValidate
        aria-label="Create a powerlist"
        onKeyDown={(event) => event.stopPropagation()}
        onSubmit={(event) => {
          event.preventDefault();
          // It may be within another form, as React sees it.
          event.stopPropagation();
          create.mutate(form.values);
        }}
      >
        <Stack gap="lg">
          <PowerlistFields form={form} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={create.isPending}>
              Create
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** What the server objects to, by field. */
export function powerlistErrors(problem: unknown): Record<string, string> {
  const errors = fieldErrors(problem);
  const taken = problem instanceof Error && "code" in problem && problem.code === "taken";
  return taken ? { ...errors, name: "There is a powerlist of this name already." } : errors;
}
