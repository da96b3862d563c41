import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { SignInLink, User } from "../../api/client";
import { serverQuery } from "../../api/queries";
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
      closeOnClickOutside={false}
    >
      {shown && <LinkOnce name={shown.user.name} link={shown.link} isRenewed onClose={onClose} />}
    </Modal>
  );
}

interface LinkProps {
  name: string;
  link: SignInLink;
  /** There may be an earlier one. */
  isRenewed?: boolean;
  onClose: () => void;
}

export function LinkOnce({ name, link, isRenewed = false, onClose }: LinkProps) {
  const base = useQuery(serverQuery).data?.public_url ?? window.location.origin;
  return (
    <ShownOnce
      what="link"
      text={new URL(link.url_path, base).href}
      note={
        <>
          Posthaste sends no mail: give it to {name} yourself, in a way that only they can read. It
          lets in once, and is good until <TimeText at={link.expires_at} as="minutes" />.
          {isRenewed && " An earlier link of theirs does not work any more."}
        </>
      }
      onClose={onClose}
    />
  );
}
