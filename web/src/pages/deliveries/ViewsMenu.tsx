// Filters under a name: some of ours, and those that somebody kept in this browser.
import { ActionIcon, Button, Group, Menu, Modal, Stack, TextInput } from "@mantine/core";
import { IconBookmark, IconPlus, IconTrash } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { type Filters, filterCount } from "./filters";
import { builtIn, keepView, readViews, type View, writeViews } from "./views";

interface Props {
  filters: Filters;
  onChoose: (filters: Filters) => void;
}

export function ViewsMenu({ filters, onChoose }: Props) {
  const [views, setViews] = useState(readViews);
  const [naming, setNaming] = useState(false);
  const [removing, setRemoving] = useState(false);
  const [name, setName] = useState("");

  function change(to: View[]) {
    setViews(to);
    writeViews(to);
  }

  function keep(event: FormEvent) {
    event.preventDefault();
    change(keepView(views, { name: name.trim(), filters }));
    setNaming(false);
    setName("");
  }

  return (
    <>
      <Menu position="bottom-end" width={260} shadow="md">
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={16} />}>
            Views
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {builtIn.map((view) => (
            <Menu.Item key={view.name} onClick={() => onChoose(view.filters)}>
              {view.name}
            </Menu.Item>
          ))}
          {views.length > 0 && (
            <>
              <Menu.Divider />
              <Menu.Label>Yours</Menu.Label>
              {views.map((view) => (
                <Menu.Item key={view.name} onClick={() => onChoose(view.filters)}>
                  {view.name}
                </Menu.Item>
              ))}
            </>
          )}
          <Menu.Divider />
          <Menu.Item
            leftSection={<IconPlus size={15} />}
            disabled={filterCount(filters) === 0}
            onClick={() => setNaming(true)}
          >
            Save this view…
          </Menu.Item>
          {views.length > 0 && (
            <Menu.Item leftSection={<IconTrash size={15} />} onClick={() => setRemoving(true)}>
              Remove views…
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <Modal opened={naming} onClose={() => setNaming(false)} title="Save this view" size="sm">
        <form onSubmit={keep}>
          <Stack>
            <TextInput
              label="Name"
              description="It is kept in this browser. A view of the same name is replaced."
              placeholder="Failed calls"
              maxLength={60}
              data-autofocus
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={() => setNaming(false)}>
                Cancel
              </Button>
              <Button type="submit" disabled={name.trim() === ""}>
                Save
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
      <Modal opened={removing} onClose={() => setRemoving(false)} title="Your views" size="sm">
        <Stack gap="xs">
          {views.map((view) => (
            <Group key={view.name} justify="space-between" wrap="nowrap">
              <span style={{ overflowWrap: "anywhere" }}>{view.name}</span>
              <ActionIcon
                variant="subtle"
                color="red"
                aria-label={`Remove the view ${view.name}`}
                onClick={() => {
                  const left = views.filter((each) => each !== view);
                  change(left);
                  if (left.length === 0) setRemoving(false);
                }}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          ))}
        </Stack>
      </Modal>
    </>
  );
}
