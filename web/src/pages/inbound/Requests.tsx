// What was posted to the webhook, newest first: what became of each, and all of it beside the list.
import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { IconFilterOff, IconInbox, IconRotateClockwise } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type InboundRequest, type InboundWebhook, sentence } from "../../api/client";
import { readRequests } from "../../api/inbound";
import { type Column, DataTable } from "../../components/DataTable";
import { EmptyState } from "../../components/EmptyState";
import { useCursorPaging } from "../../components/paging";
import { Split, useRoomForPanel } from "../../components/SidePanel";
import { StatusBadge, statusWord } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { useShortcuts } from "../../frame/shortcuts";
import { verdicts } from "../../router";
import own from "./Inbound.module.css";
import { operationName } from "./InboundFacts";
import { RequestPanel } from "./RequestPanel";
import { isRefused, refusal } from "./verdict";

const route = getRouteApi("/frame/setup/webhooks/$id");

const REFRESH_MS = 3_000;

interface Props {
  webhook: InboundWebhook;
  onMapping: (requestId: string) => void;
}

export function Requests({ webhook, onMapping }: Props) {
  const { id } = webhook;
  const { verdict, cursor, selected } = route.useSearch();
  const navigate = useNavigate();
  const wide = useRoomForPanel();
  const { data, error, refetch, isPlaceholderData } = useQuery({
    queryKey: ["webhooks", id, "requests", { verdict, cursor }],
    queryFn: () => readRequests(id, verdict, cursor),
    placeholderData: keepPreviousData,
    refetchInterval: cursor === undefined ? REFRESH_MS : false,
  });
  const paging = useCursorPaging(cursor, data?.next_cursor ?? null);

  const change = (to: {
    verdict?: InboundRequest["verdict"];
    cursor?: string;
    selected?: string;
  }) =>
    void navigate({
      to: "/setup/webhooks/$id",
      params: { id },
      search: { verdict, cursor, selected, ...to },
      resetScroll: false,
    });
  const close = () => change({ selected: undefined });
  useShortcuts(
    selected === undefined
      ? []
      : [{ keys: "Escape", label: "Close the panel", group: "This page", run: close }],
  );

  const panel =
    selected === undefined ? null : (
      <RequestPanel
        key={selected}
        webhook={webhook}
        id={selected}
        onClose={close}
        onReplayed={(replayed) => change({ selected: replayed.id, cursor: undefined })}
        onMapping={() => onMapping(selected)}
      />
    );
  // Where there is no room for both, the request takes the list's place.
  if (!wide && panel !== null) return panel;
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <Select
          aria-label="Verdict"
          placeholder="Any verdict"
          clearable
          w={190}
          data={verdicts.map((value) => ({ value, label: statusWord(value) }))}
          value={verdict ?? null}
          onChange={(to) =>
            change({
              verdict: (to as InboundRequest["verdict"] | null) ?? undefined,
              cursor: undefined,
              selected: undefined,
            })
          }
        />
      </Group>
      <Split
        list={
          <DataTable
            label="Requests"
            columns={columns(panel !== null)}
            rows={data?.data}
            rowId={(request) => request.id}
            rowName={(request) => `request ${request.id}`}
            error={data === undefined ? error : null}
            onRetry={() => void refetch()}
            stale={isPlaceholderData}
            onOpen={(request) => change({ selected: request.id })}
            openId={selected}
            paging={paging}
            empty={
              verdict !== undefined ? (
                <EmptyState
                  icon={IconFilterOff}
                  title="No requests match"
                  text={`None of those kept has the verdict “${statusWord(verdict)}”.`}
                >
                  <Button variant="default" onClick={() => change({ verdict: undefined })}>
                    Clear filter
                  </Button>
                </EmptyState>
              ) : (
                <EmptyState
                  icon={IconInbox}
                  title="Nothing was posted yet"
                  text="Copy the URL above into your CRM, or send a sample contact from here."
                >
                  <Button
                    onClick={() =>
                      void navigate({
                        to: "/setup/webhooks/$id",
                        params: { id },
                        search: { tab: "test" },
                        resetScroll: false,
                      })
                    }
                  >
                    Send a sample
                  </Button>
                </EmptyState>
              )
            }
          />
        }
        panel={panel}
      />
    </Stack>
  );
}

function columns(panel: boolean): Column<InboundRequest>[] {
  const all: Column<InboundRequest>[] = [
    {
      key: "verdict",
      header: "Verdict",
      width: 150,
      card: "title",
      cell: ({ verdict, replay_of }) => (
        <Group gap={6} wrap="nowrap">
          <StatusBadge status={verdict} />
          {replay_of !== null && (
            <span title="A replay">
              <IconRotateClockwise size={14} aria-hidden="true" />
              <span className="visually-hidden">A replay</span>
            </span>
          )}
        </Group>
      ),
    },
    {
      key: "event",
      header: "Endpoint",
      width: 140,
      cell: ({ event }) => operationName(event),
    },
    {
      key: "what",
      header: "What came of it",
      cell: (request) => (
        <span className={own.what}>
          {isRefused(request.verdict) ? (
            <Text span size="sm" c="var(--ph-bad)">
              {refusal(request)}
            </Text>
          ) : request.contact_id !== null ? (
            <span className="mono">{request.contact_id}</span>
          ) : (
            <Text span c="dimmed">
              {request.detail === null ? "Nothing to change" : sentence(request.detail)}
            </Text>
          )}
        </span>
      ),
    },
    {
      key: "remote_address",
      header: "From",
      width: 150,
      cell: ({ remote_address }) => <span className="mono">{remote_address ?? "—"}</span>,
    },
    {
      key: "received_at",
      header: "Received",
      width: 130,
      cell: ({ received_at }) => <TimeText at={received_at} />,
    },
  ];
  const beside = ["verdict", "what", "received_at"];
  return panel ? all.filter(({ key }) => beside.includes(key)) : all;
}
