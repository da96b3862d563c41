// A powerlist by its name, on the way to its page.
import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { usePowerlistNames } from "../../api/contacts";
import { CopyButton } from "../../components/CopyButton";

export function PowerlistLink({ id }: { id: string }) {
  const name = usePowerlistNames()(id);
  return (
    <>
      <Anchor
        component={Link}
        to="/setup/powerlists/$id"
        params={{ id } as never}
        style={{ overflowWrap: "anywhere" }}
      >
        {name ?? id}
      </Anchor>
      <CopyButton text={id} what="powerlist id" />
    </>
  );
}
