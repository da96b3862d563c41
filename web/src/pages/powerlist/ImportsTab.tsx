// The files that were imported into the list, and those on their way.
import { Anchor, Button, Progress, Text } from "@mantine/core";
import { IconFileImport } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import type { Job } from "../../api/client";
import { isOver, readJobs } from "../../api/contacts";
import { useMay } from "../../api/session";
import { type Column, DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { useCursorPaging } from "../../components/paging";
import { StatusBadge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatBytes, formatCount } from "../../format";
import { shareDone } from "../import/job";
import classes from "./PowerlistPage.module.css";

const route = getRouteApi("/frame/setup/powerlists/$id");

const REFRESH_MS = 1_000;

export function ImportsTab({ powerlistId }: { powerlistId: string }) {
  const { cursor } = route.useSearch();
  const navigate = useNavigate();
  const mayWrite = useMay("write");
  const { data, error, refetch, isPlaceholderData } = useQuery({
    queryKey: ["jobs", { powerlist: powerlistId, cursor }],
    queryFn: () => readJobs(powerlistId, cursor),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      state.data?.data.some((job) => !isOver(job)) ? REFRESH_MS : false,
  });
  const paging = useCursorPaging(cursor, data?.next_cursor ?? null);
  return (
    <DataTable
      label="Imports"
      columns={columns(powerlistId)}
      rows={data?.data}
      rowId={({ id }) => id}
      rowName={({ file_name }) => file_name}
      error={data === undefined ? error : null}
      onRetry={() => void refetch()}
      stale={isPlaceholderData}
      onOpen={({ id }) =>
        void navigate({
          to: "/setup/powerlists/$id/imports/$job",
          params: { id: powerlistId, job: id },
        })
      }
      paging={paging}
      empty={
        <EmptyState
          icon={IconFileImport}
          title="Nothing was imported yet"
          text="A CSV file brings many contacts at once: columns are matched to fields, rows that cannot be used are skipped with a reason."
        >
          {mayWrite && (
            <Button
              component={Link}
              to="/setup/powerlists/$id/import"
              params={{ id: powerlistId } as never}
              leftSection={<IconFileImport size={16} />}
            >
              Import CSV
            </Button>
          )}
        </EmptyState>
      }
    />
  );
}

function columns(powerlistId: string): Column<Job>[] {
  const number = (key: "created" | "updated" | "skipped", header: string): Column<Job> => ({
    key,
    header,
    align: "right",
    width: 100,
    cell: ({ progress }) => formatCount(progress[key]),
  });
  return [
    {
      key: "file",
      header: "File",
      card: "title",
      cell: (job) => (
        <div>
          <Anchor
            component={Link}
            to="/setup/powerlists/$id/imports/$job"
            params={{ id: powerlistId, job: job.id } as never}
            c="inherit"
            fw={600}
            className={classes.link}
          >
            {job.file_name || job.id}
          </Anchor>
          <Text size="xs" c="dimmed">
            {formatBytes(job.file_bytes)}
          </Text>
        </div>
      ),
    },
    {
      key: "state",
      header: "State",
      width: 150,
      card: "badge",
      cell: (job) => (
        <div>
          <StatusBadge status={job.state} />
          {!isOver(job) && (
            <Progress
              value={shareDone(job) * 100}
              size="xs"
              mt={6}
              aria-label={`Progress of ${job.file_name}`}
            />
          )}
        </div>
      ),
    },
    {
      key: "rows",
      header: "Rows",
      align: "right",
      width: 110,
      cell: ({ progress }) => formatCount(progress.rows ?? progress.rows_done),
    },
    number("created", "Created"),
    number("updated", "Updated"),
    number("skipped", "Skipped"),
    {
      key: "created_at",
      header: "Uploaded",
      width: 130,
      cell: ({ created_at }) => <TimeText at={created_at} />,
    },
  ];
}
