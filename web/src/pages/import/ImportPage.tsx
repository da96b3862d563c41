// Imports a CSV file into a powerlist: the file, its columns, what to do with its rows, and on its
// way. The file is never read into memory: its beginning is sent for a preview, then the browser
// uploads it from disk.
import {
  Alert,
  Button,
  Card,
  Group,
  Progress,
  Skeleton,
  Stack,
  Stepper,
  Text,
} from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconFileSpreadsheet } from "@tabler/icons-react";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { type Job, sentence } from "../../api/client";
import { powerlistQuery, previewImport } from "../../api/contacts";
import { cancelled, upload } from "../../api/files";
import { useMay } from "../../api/session";
import { BackButton } from "../../components/buttons";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { Page } from "../../components/Page";
import { formatBytes, formatShare } from "../../format";
import { ColumnsStep } from "./ColumnsStep";
import { FileStep } from "./FileStep";
import classes from "./Import.module.css";
import { type Options, OptionsStep, standardOptions } from "./OptionsStep";

const route = getRouteApi("/frame/setup/powerlists/$id/import");

/** The beginning that the preview is made of. */
const PREVIEW_BYTES = 256 * 1024;

export function ImportPage() {
  const { id } = route.useParams();
  const { data: powerlist, error, refetch } = useQuery(powerlistQuery(id));
  const mayWrite = useMay("write");
  return (
    <Page
      title={powerlist === undefined ? "Import CSV" : `Import into ${powerlist.name}`}
      crumbs={[
        { label: "Setup" },
        { label: "Powerlists", to: "/setup/powerlists" },
        { label: powerlist?.name ?? id, to: "/setup/powerlists/$id", params: { id } },
      ]}
      back={<BackButton to={`/setup/powerlists/${id}` as never} search={{ tab: "imports" }} />}
    >
      {powerlist === undefined ? (
        error === null ? (
          <Skeleton height={360} radius="md" />
        ) : (
          <Card>
            <ErrorState
              error={error}
              title="The powerlist could not be loaded"
              onRetry={() => void refetch()}
            />
          </Card>
        )
      ) : mayWrite ? (
        <Wizard powerlistId={id} />
      ) : (
        <Card>
          <EmptyState
            title="You may look, not change"
            text="An owner or an editor can import contacts."
          />
        </Card>
      )}
    </Page>
  );
}

function Wizard({ powerlistId }: { powerlistId: string }) {
  const [file, setFile] = useState<File | null>(null);
  const [step, setStep] = useState(0);
  const [columns, setColumns] = useState<(string | null)[]>();
  const [delimiter, setDelimiter] = useState<string>();
  const [options, setOptions] = useState<Options>(standardOptions);
  const phone = useMediaQuery("(max-width: 639px)", undefined, { getInitialValueInEffect: false });
  const preview = useQuery({
    queryKey: [
      "powerlists",
      powerlistId,
      "import-preview",
      file && [file.name, file.size, file.lastModified],
      columns,
      delimiter,
    ],
    queryFn: () =>
      previewImport(powerlistId, (file as File).slice(0, PREVIEW_BYTES), { columns, delimiter }),
    enabled: file !== null,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const going = useUpload(powerlistId);

  function choose(chosen: File) {
    setFile(chosen);
    setColumns(undefined);
    setDelimiter(undefined);
    going.forget();
    setStep(1);
  }

  const chosen = columns ?? preview.data?.columns.map(({ field }) => field);
  const ready =
    preview.data !== undefined &&
    !preview.isPlaceholderData &&
    preview.data.errors.length === 0 &&
    chosen?.includes("phone_number") === true;
  function start() {
    if (file === null || preview.data === undefined || chosen === undefined) return;
    going.start(file, { ...options, columns: chosen, delimiter: preview.data.delimiter });
  }

  return (
    <Card className={classes.wizard}>
      <Stepper
        active={step}
        onStepClick={going.sent === null ? setStep : undefined}
        size="sm"
        orientation={phone ? "vertical" : "horizontal"}
        allowNextStepsSelect={false}
      >
        <Stepper.Step label="File" description={file === null ? "Choose a CSV file" : file.name}>
          <FileStep file={file} onFile={choose} onNext={() => setStep(1)} />
        </Stepper.Step>
        <Stepper.Step label="Columns" description="Which is which">
          {file !== null && (
            <ColumnsStep
              preview={preview.data}
              stale={preview.isPlaceholderData}
              error={preview.error}
              onRetry={() => void preview.refetch()}
              columns={chosen}
              onColumns={setColumns}
              onDelimiter={(to) => {
                setDelimiter(to);
                setColumns(undefined);
              }}
              onOther={() => setStep(0)}
            />
          )}
          <Buttons>
            <Button variant="default" onClick={() => setStep(0)}>
              Previous
            </Button>
            <Button disabled={!ready} onClick={() => setStep(2)}>
              Next
            </Button>
          </Buttons>
        </Stepper.Step>
        <Stepper.Step label="Import" description="What to do with rows">
          {file !== null && (
            <Stack gap="lg">
              <Group gap="sm" wrap="nowrap" className={classes.file}>
                <IconFileSpreadsheet size={28} stroke={1.5} aria-hidden="true" />
                <div className={classes.fileName}>
                  <Text fw={600}>{file.name}</Text>
                  <Text size="sm" c="dimmed">
                    {formatBytes(file.size)},{" "}
                    {chosen?.filter((field) => field !== null).length ?? 0} of {chosen?.length ?? 0}{" "}
                    columns
                  </Text>
                </div>
              </Group>
              <OptionsStep
                options={options}
                onChange={setOptions}
                hasConsent={chosen?.includes("consent") ?? false}
                disabled={going.sent !== null}
              />
              {going.error !== null && (
                <Alert color="red" variant="light" title="The import was not started">
                  {sentence(going.error)}
                </Alert>
              )}
              {going.sent !== null && <Sending sent={going.sent} of={file.size} />}
            </Stack>
          )}
          <Buttons>
            {going.sent === null ? (
              <>
                <Button variant="default" onClick={() => setStep(1)}>
                  Previous
                </Button>
                <Button onClick={start} disabled={!ready}>
                  Start import
                </Button>
              </>
            ) : (
              <Button variant="default" onClick={going.cancel}>
                Cancel upload
              </Button>
            )}
          </Buttons>
        </Stepper.Step>
      </Stepper>
    </Card>
  );
}

function Buttons({ children }: { children: React.ReactNode }) {
  return (
    <Group justify="flex-end" gap="xs" mt="lg">
      {children}
    </Group>
  );
}

function Sending({ sent, of }: { sent: number; of: number }) {
  const share = of === 0 ? 1 : Math.min(1, sent / of);
  return (
    <div>
      <Group justify="space-between" mb={6}>
        <Text size="sm" fw={600}>
          {share < 1 ? "Uploading" : "Uploaded; the server is writing it down"}
        </Text>
        <Text size="sm" c="dimmed" className="tabular" role="status">
          {formatBytes(Math.min(sent, of))} of {formatBytes(of)}, {formatShare(share)}
        </Text>
      </Group>
      <Progress value={share * 100} aria-label="Upload" />
    </div>
  );
}

/** The file on its way to the server; then to the page of its import. */
function useUpload(powerlistId: string) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [sent, setSent] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const current = useRef<() => void>(() => {});
  // Who leaves the page does not want it.
  useEffect(() => () => current.current(), []);

  function start(
    file: File,
    settings: Options & { columns: (string | null)[]; delimiter: string },
  ) {
    const query = new URLSearchParams({
      file_name: file.name,
      columns: JSON.stringify(settings.columns),
      delimiter: settings.delimiter,
      on_existing: settings.onExisting,
      only_with_consent: String(settings.onlyWithConsent),
      raise_events: String(settings.raiseEvents),
    });
    if (settings.tags.length > 0) query.set("tags", settings.tags.join(","));
    setError(null);
    setSent(0);
    const { answer, cancel } = upload<Job>(
      `/v1/powerlists/${encodeURIComponent(powerlistId)}/imports?${query}`,
      file,
      "text/csv",
      setSent,
    );
    current.current = cancel;
    answer.then(
      (job) => {
        current.current = () => {};
        void queries.invalidateQueries({ queryKey: ["jobs"] });
        void navigate({
          to: "/setup/powerlists/$id/imports/$job",
          params: { id: powerlistId, job: job.id },
        });
      },
      (problem) => {
        setSent(null);
        if (problem !== cancelled) setError(problem);
      },
    );
  }
  return {
    /** Bytes; null while nothing is on its way. */
    sent,
    error,
    start,
    cancel: () => current.current(),
    forget: () => setError(null),
  };
}
