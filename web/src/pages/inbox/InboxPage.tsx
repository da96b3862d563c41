// The server's own receiver: what arrived, whether it verifies, and what it answers.
import { Button, Code, Group, TextInput } from "@mantine/core";
import { useDebouncedCallback, useMediaQuery } from "@mantine/hooks";
import { IconInbox, IconInboxOff, IconSearch, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { ApiProblem, client, done } from "../../api/client";
import { useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { Page } from "../../components/Page";
import classes from "./InboxPage.module.css";
import { Receiver } from "./Receiver";
import { RequestDetail } from "./RequestDetail";
import { RequestList } from "./RequestList";
import { found, type Inbox, inboxKey, inboxQuery } from "./requests";

const route = getRouteApi("/frame/inbox");

export function InboxPage() {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery(inboxQuery(queries));
  const mayClear = useMay("write");
  const absent = error instanceof ApiProblem && error.status === 404;

  return (
    <Page
      title="Test inbox"
      lead="A receiver inside this server: send webhooks to it, see what arrives and whether the signatures verify."
      actions={mayClear && data && data.requests.length > 0 && <Clear />}
    >
      {absent ? (
        <div className={classes.box}>
          <EmptyState
            icon={IconInboxOff}
            title="This server has no test inbox"
            text={
              <>
                It is open to anyone who can reach the server, so only one that was started for
                development has it: <Code>posthaste serve --dev</Code>
              </>
            }
          />
        </div>
      ) : error !== null && data === undefined ? (
        <div className={classes.box}>
          <ErrorState
            error={error}
            title="The inbox could not be loaded"
            onRetry={() => void refetch()}
          />
        </div>
      ) : (
        <>
          <Receiver />
          <Requests inbox={data} />
        </>
      )}
    </Page>
  );
}

function Clear() {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const clear = useAction({
    run: () => done(client.DELETE("/v1/inbox/requests")),
    done: "The inbox is empty.",
    failed: "Could not clear the inbox",
    onDone: () => {
      setAsking(false);
      // Numbers go on where they were, so the place to ask from stays.
      queries.setQueryData<Inbox>(inboxKey, (before) => before && { ...before, requests: [] });
    },
  });
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconTrash size={16} />}
        onClick={() => setAsking(true)}
      >
        Clear
      </Button>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title="Clear the inbox?"
        confirmLabel="Clear"
        danger
        busy={clear.isPending}
        onConfirm={() => clear.mutate()}
      >
        All requests shown here are forgotten, for everyone. The delivery log keeps its records.
      </ConfirmDialog>
    </>
  );
}

function Requests({ inbox }: { inbox: Inbox | undefined }) {
  const { q = "", selected } = route.useSearch();
  const navigate = route.useNavigate();
  const wide = useMediaQuery("(min-width: 62em)", undefined, { getInitialValueInEffect: false });
  const change = (changed: { q?: string; selected?: string }) =>
    void navigate({
      search: (before) => ({ ...before, ...changed }),
      replace: true,
      resetScroll: false,
    });

  if (inbox?.requests.length === 0) {
    return (
      <div className={classes.box}>
        <EmptyState
          icon={IconInbox}
          title="Nothing has arrived yet"
          text="Point a webhook at the URL above and send it a test event. Requests appear here as they arrive."
        />
      </div>
    );
  }
  const shown = q === "" ? inbox?.requests : inbox?.requests.filter((each) => found(each, q));
  const chosen = inbox?.requests.find(({ number }) => String(number) === selected);
  // Beside the list there is always one to see; on a phone the list comes first.
  const open = chosen ?? (wide ? shown?.[0] : undefined);
  const list = (
    <div className={classes.side}>
      <Search text={q} onChange={(text) => change({ q: text || undefined })} />
      <RequestList
        requests={shown}
        openNumber={open?.number}
        onOpen={({ number }) => change({ selected: String(number) })}
        onClearSearch={() => change({ q: undefined })}
      />
    </div>
  );
  const close = () => change({ selected: undefined });
  if (!wide) {
    return open === undefined ? list : <RequestDetail request={open} onBack={close} />;
  }
  return (
    <div className={classes.split}>
      {list}
      {open && (
        <RequestDetail
          request={open}
          key={open.number}
          // The newest is shown as it comes, until one of them is being read.
          onTouch={
            chosen === undefined ? () => change({ selected: String(open.number) }) : undefined
          }
        />
      )}
    </div>
  );
}

function Search({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const tell = useDebouncedCallback(onChange, 200);
  useEffect(() => setTyped(text), [text]);
  return (
    <Group>
      <TextInput
        data-search
        aria-label="Search the requests"
        placeholder="Search bodies, headers, names"
        leftSection={<IconSearch size={16} />}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          tell(event.currentTarget.value);
        }}
        flex={1}
      />
    </Group>
  );
}
