// Asks whether something is to be rotated, and how long the old one stays good beside the new one.
import { Button, Group, Modal, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";

const NONE = "0";
const DAY = "86400";

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What happens then. */
  text: string;
  /** What no overlap means, as in "the old secret ends at once". */
  none: string;
  busy: boolean;
  onRotate: (overlapS: number) => void;
}

export function RotateDialog({ opened, onClose, title, text, none, busy, onRotate }: Props) {
  const [overlap, setOverlap] = useState(DAY);
  const overlaps = [
    { value: NONE, label: `None: ${none}` },
    { value: "3600", label: "1 hour" },
    { value: DAY, label: "24 hours" },
    { value: "604800", label: "7 days" },
  ];
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onRotate(Number(overlap));
        }}
      >
        <Stack gap="md">
          <Text>{text}</Text>
          <Select
            label="Overlap"
            description="A rotation within an overlap ends that overlap."
            data={overlaps}
            value={overlap}
            onChange={(value) => setOverlap(value ?? DAY)}
            allowDeselect={false}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" color={overlap === NONE ? "red.9" : undefined} loading={busy}>
              Rotate
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
