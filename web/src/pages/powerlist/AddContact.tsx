// Adds a contact to a list by hand.
import { Modal } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { ContactForm } from "../contact/ContactForm";

/** Mounted while it is open. */
export function AddContact({ powerlistId, onClose }: { powerlistId: string; onClose: () => void }) {
  const phone = useMediaQuery("(max-width: 47.99em)", undefined, {
    getInitialValueInEffect: false,
  });
  return (
    <Modal opened onClose={onClose} title="Add a contact" size="lg" fullScreen={phone}>
      <ContactForm powerlistId={powerlistId} onSaved={onClose} onCancel={onClose} />
    </Modal>
  );
}
