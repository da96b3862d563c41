// What changed, field by field: what there was before, what there is now.
import { useState } from "react";
import classes from "./Changes.module.css";
import { type FieldChange, fieldWord, readChange } from "./changes";

interface Props {
  changes: FieldChange[];
  /** How many are shown before one asks for the rest. */
  first: number;
}

export function Changes({ changes, first }: Props) {
  const [all, setAll] = useState(false);
  const hidden = changes.length - first;
  if (changes.length === 0) return null;
  return (
    <div className={classes.changes}>
      {(first > 0 || all) && (
        <dl className={classes.changes}>
          {changes.slice(0, all ? undefined : first).map((change) => (
            <div key={change.field} className={classes.change}>
              <dt>{fieldWord(change.field)}</dt>
              <dd>
                <Change change={change} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {hidden > 0 && (
        <button
          type="button"
          className={classes.more}
          aria-expanded={all}
          onClick={() => setAll(!all)}
        >
          {all ? "Show less" : first === 0 ? `Show ${count(hidden)}` : `Show ${hidden} more`}
        </button>
      )}
    </div>
  );
}

function count(fields: number): string {
  return fields === 1 ? "1 field" : `${fields} fields`;
}

function Change({ change }: { change: FieldChange }) {
  const reading = readChange(change);
  if (reading.is === "secret") return <span>{reading.word} (never shown here)</span>;
  if (reading.is === "list") {
    return (
      <>
        {reading.removed.map((text) => (
          <del key={text} className={classes.before}>
            <span aria-hidden="true">− </span>
            {text}
          </del>
        ))}
        {reading.added.map((text) => (
          <ins key={text} className={classes.after}>
            <span aria-hidden="true">+ </span>
            {text}
          </ins>
        ))}
      </>
    );
  }
  return (
    <>
      {reading.before !== null && <del className={classes.before}>{reading.before}</del>}
      {reading.before !== null && (
        <span className={classes.arrow} aria-hidden="true">
          →
        </span>
      )}
      {reading.after === null ? (
        <span className={classes.arrow}>nothing</span>
      ) : (
        <ins className={classes.after}>{reading.after}</ins>
      )}
    </>
  );
}
