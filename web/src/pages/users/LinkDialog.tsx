import { Modal } from "@mantine/core";
import type { SignInLink, User } from "../../api/client";
import { ShownOnce } from "../../components/ShownOnce";
import { TimeText } from "../../components/TimeText";

interface Props {
  shown: { user: Pick<User, "name">; link: SignInLink } | null;
  onClose: () => void;
}

/** A new sign-in link, to be handed over. */
export function LinkDialog({ shown, onClose }: Props) {
  return (
    <Modal
      opened={shown !== null}
      onClose={onClose}
      title={`Sign-in link for ${shown?.user.name ?? ""}`}
      size="lg"
    >
      {shown && <LinkOnce name={shown.user.name} link={shown.link} onClose={onClose} />}
    </Modal>
  );
}

export function LinkOnce(props: { name: string; link: SignInLink; onClose: () => void }) {
  const { name, link, onClose } = props;
  return (
    <ShownOnce
      what="link"
      text={new URL(link.url_path, window.location.origin).href}
      note={
        <>
          Posthaste sends no mail: give it to {name} yourself, in a way that only they can read. It
          lets in once, and is good until <TimeText at={link.expires_at} as="minutes" />. An earlier
          link of theirs does not work any more.
        </>
      }
      onClose={onClose}
    />
  );
}
