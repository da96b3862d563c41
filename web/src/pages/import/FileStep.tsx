// Chooses a file, or lets one be dropped.
import { Button, Group, List, Text } from "@mantine/core";
import { IconFileSpreadsheet, IconUpload } from "@tabler/icons-react";
import { type DragEvent, useId, useRef, useState } from "react";
import { formatBytes } from "../../format";
import classes from "./Import.module.css";

/** As the server has it: more is refused. */
const FILE_BYTES_MAX = 1024 ** 3;

interface Props {
  file: File | null;
  onFile: (file: File) => void;
  onNext: () => void;
}

export function FileStep({ file, onFile, onNext }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const id = useId();

  function take(chosen: File | undefined) {
    if (chosen === undefined) return;
    if (chosen.size === 0) return setProblem(`${chosen.name} is empty.`);
    if (chosen.size > FILE_BYTES_MAX) {
      return setProblem(
        `${chosen.name} has ${formatBytes(chosen.size)}; the most is ${formatBytes(FILE_BYTES_MAX)}. Split it.`,
      );
    }
    setProblem(null);
    onFile(chosen);
  }
  const drag = (is: boolean) => (event: DragEvent) => {
    event.preventDefault();
    setOver(is);
  };

  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is one way, the button is the other. */}
      <div
        className={classes.drop}
        data-over={over || undefined}
        onDragEnter={drag(true)}
        onDragOver={drag(true)}
        onDragLeave={drag(false)}
        onDrop={(event) => {
          drag(false)(event);
          take(event.dataTransfer.files[0]);
        }}
      >
        <IconUpload size={28} stroke={1.5} aria-hidden="true" />
        <Text fw={600}>Drop a CSV file here</Text>
        <input
          ref={input}
          type="file"
          accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values"
          className="visually-hidden"
          aria-label="CSV file"
          aria-describedby={problem === null ? undefined : `${id}-problem`}
          tabIndex={-1}
          onChange={(event) => {
            take(event.currentTarget.files?.[0]);
            event.currentTarget.value = "";
          }}
        />
        <Button variant="default" onClick={() => input.current?.click()}>
          {file === null ? "Choose a file" : "Choose another file"}
        </Button>
        {problem !== null && (
          <Text size="sm" c="var(--ph-bad)" role="alert" id={`${id}-problem`}>
            {problem}
          </Text>
        )}
      </div>
      <List size="sm" spacing={4} mt="md" c="dimmed">
        <List.Item>
          The first line names the columns. One of them holds phone numbers; contacts are known by
          them.
        </List.Item>
        <List.Item>
          UTF-8, up to {formatBytes(FILE_BYTES_MAX)}; with commas, semicolons, tabs or bars between.
        </List.Item>
        <List.Item>Rows that cannot be used are skipped, each with its reason.</List.Item>
      </List>
      {file !== null && (
        <Group justify="space-between" mt="lg">
          <Group gap={6}>
            <IconFileSpreadsheet size={18} stroke={1.6} aria-hidden="true" />
            <Text size="sm">
              {file.name}, {formatBytes(file.size)}
            </Text>
          </Group>
          <Button onClick={onNext}>Next</Button>
        </Group>
      )}
    </>
  );
}
