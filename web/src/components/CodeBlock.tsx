// Code or a body to read and copy. Scrolls in both directions, by keyboard too.
import { useMemo } from "react";
import classes from "./CodeBlock.module.css";
import { CopyButton } from "./CopyButton";
import { highlightJson } from "./highlight";
import { Scroll } from "./Scroll";

interface Props {
  code: string;
  /** Names it for screen readers and the copy button: "request body". */
  label: string;
  language?: "json" | "text";
  maxHeight?: number;
  /** Breaks long lines instead of scrolling sideways. */
  wrap?: boolean;
}

/** Beyond this, colours cost more than they help. */
const COLOURED_CHARS_MAX = 100_000;

export function CodeBlock({
  code,
  label,
  language = "text",
  maxHeight = 420,
  wrap = false,
}: Props) {
  const pieces = useMemo(
    () => (language === "json" && code.length <= COLOURED_CHARS_MAX ? highlightJson(code) : null),
    [code, language],
  );
  return (
    <div className={classes.block}>
      <Scroll className={classes.scroll} style={{ maxHeight }} label={label}>
        <pre className={classes.code} data-wrap={wrap || undefined}>
          {pieces === null
            ? code
            : pieces.map(({ kind, text }, n) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other identity.
                <span key={n} className={classes[kind]}>
                  {text}
                </span>
              ))}
        </pre>
      </Scroll>
      <div className={classes.copy}>
        <CopyButton text={code} what={label} size="md" />
      </div>
    </div>
  );
}
