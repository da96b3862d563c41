// One import: how far it is, and what came of it. Can be left and come back to.
import { Alert, Button, Card, Group, Progress, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconDownload, IconFileImport, IconUsers } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, type Job, type SkippedRow, sentence } from "../../api/client";
import {
  cancelJob,
  isOver,
  jobQuery,
  skippedPath,
  skippedQuery,
  usePowerlistNames,
} from "../../api/contacts";
import { downloadFrom } from "../../api/files";
import { notifyProblem, useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { BackButton } from "../../components/buttons";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { type Column, DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { Page } from "../../components/Page";
import { StatusBadge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatBytes, formatCount } from "../../format";
import classes from "./Import.module.css";
import { progressWords, shareDone, summary } from "./job";

const route = getRouteApi("/frame/setup/powerlists/$id/imports/$job");

const REFRESH_MS = 500;

export function ImportJobPage() {
  const { id, job: jobId } = route.useParams();
  const listName = usePowerlistNames()(id);
  const {
    data: job,
    error,
    refetch,
  } = useQuery({
    ...jobQuery(jobId),
    refetchInterval: ({ state }) =>
      state.data !== undefined && isOver(state.data) ? false : REFRESH_MS,
  });
  const gone = error instanceof ApiProblem && error.status === 404;
  return (
    <Page
      title={job === undefined ? "Import" : `Import of ${job.file_name || "a file"}`}
      crumbs={[
        { label: "Setup" },
        { label: "Powerlists", to: "/setup/powerlists" },
        { label: listName ?? id, to: "/setup/powerlists/$id", params: { id } },
      ]}
      back={<BackButton to={`/setup/powerlists/${id}` as never} search={{ tab: "imports" }} />}
      badge={job && <StatusBadge status={job.state} />}
    >
      {job !== undefined ? (
        <Detail job={job} />
      ) : error === null ? (
        <Skeleton height={260} radius="md" />
      ) : (
        <Card>
          {gone ? (
            <EmptyState
              title="There is no such import"
              text="It ended long ago, or it belongs to another account."
            />
          ) : (
            <ErrorState
              error={error}
              title="The import could not be loaded"
              onRetry={() => void refetch()}
            />
          )}
        </Card>
      )}
    </Page>
  );
}

function Detail({ job }: { job: Job }) {
  const { powerlist_id: id, progress } = job;
  const over = isOver(job);
  const mayWrite = useMay("write");
  const [cancelling, setCancelling] = useState(false);
  const cancel = useAction<void, Job>({
    run: () => cancelJob(job.id),
    invalidates: [["jobs"], ["contacts"], ["powerlists"]],
    done: "The import was cancelled",
    failed: "Could not cancel the import",
    onDone: () => setCancelling(false),
  });
  return (
    <Stack gap="md">
      <Card>
        <Stack gap="md">
          <Group justify="space-between" gap="xs">
            <Text role="status" className="tabular">
              {over ? summary(job) : progressWords(job)}
            </Text>
            <Text size="sm" c="dimmed" component="div">
              {formatBytes(job.file_bytes)}, uploaded <TimeText at={job.created_at} />
            </Text>
          </Group>
          {job.state !== "failed" && (
            <Progress
              value={shareDone(job) * 100}
              size="lg"
              aria-label="Import"
              color={job.state === "done" ? "teal" : job.state === "cancelled" ? "gray" : undefined}
              animated={!over}
            />
          )}
          {job.error !== null && (
            <Alert
              color="red"
              variant="light"
              icon={<IconAlertTriangle />}
              title="The file cannot be imported"
            >
              {sentence(job.error)} Nothing was changed.
            </Alert>
          )}
          {job.state === "cancelled" && (
            <Text size="sm" c="dimmed">
              Cancelled by somebody. What was imported until then stays on the list.
            </Text>
          )}
          <dl className={classes.figures}>
            <Figure name="Created" n={progress.created} />
            <Figure name="Updated" n={progress.updated} />
            <Figure name="Unchanged" n={progress.unchanged} />
            <Figure name="Skipped" n={progress.skipped} />
          </dl>
          <Group gap="xs">
            {over ? (
              <>
                <Button
                  component={Link}
                  to="/setup/powerlists/$id"
                  params={{ id } as never}
                  leftSection={<IconUsers size={16} />}
                >
                  See the contacts
                </Button>
                {mayWrite && (
                  <Button
                    component={Link}
                    to="/setup/powerlists/$id/import"
                    params={{ id } as never}
                    variant="default"
                    leftSection={<IconFileImport size={16} />}
                  >
                    Import another file
                  </Button>
                )}
              </>
            ) : (
              mayWrite && (
                <Button variant="default" onClick={() => setCancelling(true)}>
                  Cancel import
                </Button>
              )
            )}
          </Group>
        </Stack>
      </Card>
      {over && progress.skipped > 0 && <Skipped job={job} />}
      <ConfirmDialog
        opened={cancelling && !over}
        onClose={() => setCancelling(false)}
        title="Cancel this import?"
        confirmLabel="Cancel import"
        danger
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate()}
      >
        What was imported so far stays on the list; the rest of the file is not imported.
      </ConfirmDialog>
    </Stack>
  );
}

function Figure({ name, n }: { name: string; n: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{formatCount(n)}</dd>
    </div>
  );
}

function Skipped({ job }: { job: Job }) {
  const { data, error, refetch } = useQuery(skippedQuery(job.id));
  const [busy, setBusy] = useState(false);
  const keep = async () => {
    setBusy(true);
    try {
      await downloadFrom(skippedPath(job.id), `skipped-${job.file_name || job.id}`);
    } catch (problem) {
      notifyProblem("Could not download the skipped rows", problem);
    }
    setBusy(false);
  };
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2}>Skipped rows</Title>
        <Button
          variant="default"
          leftSection={<IconDownload size={16} />}
          loading={busy}
          onClick={() => void keep()}
        >
          Download as CSV
        </Button>
      </Group>
      <DataTable
        label="Skipped rows"
        columns={skippedColumns}
        rows={data?.data}
        rowId={({ line }) => String(line)}
        error={error}
        onRetry={() => void refetch()}
        empty={
          <EmptyState
            title="No reasons are kept"
            text="The rows were counted, their reasons not."
          />
        }
        paging={
          data && data.total > data.data.length
            ? {
                note: `The first ${formatCount(data.data.length)} of ${formatCount(data.total)}; the download has more`,
              }
            : undefined
        }
      />
    </Stack>
  );
}

const skippedColumns: Column<SkippedRow>[] = [
  {
    key: "line",
    header: "Line",
    width: 90,
    card: "badge",
    cell: ({ line }) => <span className="tabular">{formatCount(line)}</span>,
  },
  {
    key: "reason",
    header: "Reason",
    card: "title",
    cell: ({ reason }) => <span className={classes.text}>{reason}</span>,
  },
  {
    key: "text",
    header: "The row says",
    cell: ({ text }) => <span className={`mono ${classes.text}`}>{text || "—"}</span>,
  },
];
