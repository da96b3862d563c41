// An id in monospace with a copy button.
import { CopyButton } from "./CopyButton";
import classes from "./IdCopy.module.css";

interface Props {
  id: string;
  /** "webhook id"; said when copying. */
  what?: string;
  /** Shows the last characters only, as the first ones are much alike; copies all. */
  short?: boolean;
}

export function IdCopy({ id, what = "id", short = false }: Props) {
  const prefix = id.slice(0, id.indexOf("_") + 1);
  const shown = short && id.length > prefix.length + 8 ? `${prefix}…${id.slice(-6)}` : id;
  return (
    <span className={classes.id}>
      <span className={`mono ${classes.text}`} title={shown === id ? undefined : id}>
        {shown}
      </span>
      <CopyButton text={id} what={what} />
    </span>
  );
}
