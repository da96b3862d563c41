// A body as it was sent or answered: indented when it is JSON, else as it is; raw on demand.
import { SegmentedControl, Stack } from "@mantine/core";
import { useState } from "react";
import { CodeBlock } from "./CodeBlock";
import { prettyJson } from "./highlight";

interface Props {
  /** Text as it went over the wire, or a value. */
  value: unknown;
  label: string;
  maxHeight?: number;
}

export function JsonView({ value, label, maxHeight }: Props) {
  const [raw, setRaw] = useState(false);
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  const pretty = prettyJson(text);
  if (pretty === null) return <CodeBlock code={text} label={label} maxHeight={maxHeight} wrap />;
  return (
    <Stack gap={6}>
      {typeof value === "string" && (
        <SegmentedControl
          size="xs"
          aria-label={`How to show the ${label}`}
          value={raw ? "raw" : "pretty"}
          onChange={(choice) => setRaw(choice === "raw")}
          data={[
            { value: "pretty", label: "Pretty" },
            { value: "raw", label: "Raw" },
          ]}
          style={{ alignSelf: "flex-start" }}
        />
      )}
      <CodeBlock
        code={raw ? text : pretty}
        label={label}
        language="json"
        maxHeight={maxHeight}
        wrap={raw}
      />
    </Stack>
  );
}
