import { Button, Skeleton, Text, UnstyledButton } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import { EmptyState } from "../../components/EmptyState";
import { Scroll } from "../../components/Scroll";
import { Badge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { useShortcuts } from "../../frame/shortcuts";
import classes from "./InboxPage.module.css";
import { headerOf, type InboxRequest } from "./requests";
import { verdictLook } from "./verdict";

interface Props {
  /** undefined: not there yet. */
  requests: InboxRequest[] | undefined;
  openNumber?: number;
  onOpen: (request: InboxRequest) => void;
  onClearSearch: () => void;
}

export function RequestList({ requests, openNumber, onOpen, onClearSearch }: Props) {
  const move = (step: 1 | -1) => () => {
    const at = requests?.findIndex(({ number }) => number === openNumber) ?? -1;
    const next = requests?.[at < 0 ? 0 : at + step];
    if (next) onOpen(next);
  };
  useShortcuts([
    { keys: "j", label: "Next request", group: "Lists", run: move(1) },
    { keys: "k", label: "Previous request", group: "Lists", run: move(-1) },
  ]);

  if (requests?.length === 0) {
    return (
      <div className={classes.box}>
        <EmptyState icon={IconSearchOff} title="No request matches">
          <Button variant="default" onClick={onClearSearch}>
            Clear the search
          </Button>
        </EmptyState>
      </div>
    );
  }
  return (
    <>
      <span className="visually-hidden" role="status">
        {requests === undefined ? "Loading the inbox" : `${requests.length} requests`}
      </span>
      <div className={classes.list}>
        <Scroll label="Requests" className={classes.scroll}>
          {requests === undefined
            ? [1, 2, 3, 4, 5].map((n) => (
                <div key={n} className={classes.row}>
                  <Skeleton height={14} width="60%" my={3} />
                  <Skeleton height={10} width={50} my={5} />
                  <Skeleton height={10} width="40%" my={4} />
                  <Skeleton height={10} width={70} my={4} />
                </div>
              ))
            : requests.map((request) => (
                <Row
                  key={request.number}
                  request={request}
                  open={request.number === openNumber}
                  onOpen={() => onOpen(request)}
                />
              ))}
        </Scroll>
      </div>
    </>
  );
}

function Row(props: { request: InboxRequest; open: boolean; onOpen: () => void }) {
  const { request, open, onOpen } = props;
  const { word, tone, icon } = verdictLook(request.verdict?.verdict);
  return (
    <UnstyledButton className={classes.row} aria-current={open || undefined} onClick={onOpen}>
      <span className={classes.event}>{headerOf(request, "x-webhook-event") ?? "POST"}</span>
      <Text span size="sm" c="dimmed">
        <TimeText at={request.at} />
      </Text>
      <Text span size="sm" c="dimmed" truncate>
        #{request.number} · {request.name} · answered {request.answered}
      </Text>
      <Badge tone={tone} icon={icon}>
        {word}
      </Badge>
    </UnstyledButton>
  );
}
