// A body to try the mapping on before anything was posted.
import { Button, Group, SegmentedControl, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import own from "./Inbound.module.css";

export interface Pasted {
  content_type: string;
  body: string;
}

export const contentTypes = {
  json: "application/json",
  form: "application/x-www-form-urlencoded",
} as const;

export function PastedBody({ onPaste }: { onPaste: (pasted: Pasted) => void }) {
  const [kind, setKind] = useState<keyof typeof contentTypes>("json");
  const [body, setBody] = useState("");
  return (
    <form
      aria-label="A body to try"
      style={{ width: "100%", maxWidth: 560 }}
      onSubmit={(event) => {
        event.preventDefault();
        onPaste({ content_type: contentTypes[kind], body });
      }}
    >
      <Stack gap="sm" p="md">
        <SegmentedControl
          aria-label="Kind of body"
          value={kind}
          onChange={(to) => setKind(to as keyof typeof contentTypes)}
          data={[
            { value: "json", label: "JSON" },
            { value: "form", label: "Form" },
          ]}
        />
        <Textarea
          label="Body"
          placeholder={
            kind === "json" ? '{"phone": "+12025550187"}' : "phone=%2B12025550187&name=Maria"
          }
          autosize
          minRows={4}
          maxRows={16}
          spellCheck={false}
          classNames={{ input: own.editor }}
          value={body}
          onChange={(event) => setBody(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button type="submit" disabled={body.trim() === ""}>
            Try it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
