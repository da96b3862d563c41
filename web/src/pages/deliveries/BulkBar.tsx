// What can be done with the rows that are selected, and how far it is.
import { Progress as Bar, Button, Card, Group, Stack, Text } from "@mantine/core";
import { IconBan, IconRefresh } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Delivery } from "../../api/client";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { formatCount } from "../../format";
import { cancelDelivery, lookAgain, retryDelivery } from "../delivery/queries";
import { failureCount, type Progress, runBulk } from "./bulk";
import classes from "./DeliveryLog.module.css";

type Act = "retry" | "cancel";

interface Props {
  /** The selected ones that are shown. */
  chosen: Delivery[];
  onClear: () => void;
}

export function BulkBar({ chosen, onClear }: Props) {
  const [asked, setAsked] = useState<Act | null>(null);
  const [run, setRun] = useState<{ act: Act; progress: Progress; ended: boolean } | null>(null);
  const abort = useRef<AbortController>(null);
  const queries = useQueryClient();
  // Leaving the page ends it: nobody would see what came of it.
  useEffect(() => () => abort.current?.abort(), []);

  const open = chosen.filter(({ next_attempt_at }) => next_attempt_at !== null);
  const delivered = chosen.filter(({ status }) => status === "delivered").length;

  async function start(act: Act) {
    setAsked(null);
    const controller = new AbortController();
    abort.current = controller;
    const ids = (act === "retry" ? chosen : open).map(({ id }) => id);
    const call = act === "retry" ? retryDelivery : cancelDelivery;
    const tell = (progress: Progress) => setRun({ act, progress, ended: false });
    const progress = await runBulk(ids, call, tell, controller.signal);
    setRun({ act, progress, ended: true });
    await queries.invalidateQueries({ queryKey: ["deliveries"] });
    if (act === "retry") lookAgain(queries);
  }

  if (run !== null) {
    return (
      <Running
        {...run}
        onStop={() => abort.current?.abort()}
        onClose={() => {
          setRun(null);
          onClear();
        }}
      />
    );
  }
  if (chosen.length === 0) return null;
  return (
    <Card className={classes.bulk} p="xs" component="section" aria-label="Selected deliveries">
      <Group gap="xs">
        <Text fw={550} role="status" px={6}>
          {formatCount(chosen.length)} selected
        </Text>
        <Button size="xs" leftSection={<IconRefresh size={15} />} onClick={() => setAsked("retry")}>
          Retry
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconBan size={15} />}
          disabled={open.length === 0}
          onClick={() => setAsked("cancel")}
        >
          Cancel retries
        </Button>
        <Button size="xs" variant="subtle" color="gray" c="inherit" onClick={onClear}>
          Clear selection
        </Button>
      </Group>
      <ConfirmDialog
        opened={asked === "retry"}
        onClose={() => setAsked(null)}
        title={`Retry ${deliveries(chosen.length)}?`}
        confirmLabel="Retry"
        onConfirm={() => void start("retry")}
      >
        Each gets one more attempt now.
        {delivered > 0 &&
          ` ${formatCount(delivered)} of them ${delivered === 1 ? "was" : "were"} delivered already: the receiver gets ${delivered === 1 ? "it" : "them"} again.`}
      </ConfirmDialog>
      <ConfirmDialog
        opened={asked === "cancel"}
        onClose={() => setAsked(null)}
        title={`Cancel ${deliveries(open.length)}?`}
        confirmLabel="Cancel retries"
        danger
        onConfirm={() => void start("cancel")}
      >
        They are not tried again by themselves.
        {open.length < chosen.length &&
          ` The other ${formatCount(chosen.length - open.length)} have ended already and stay as they are.`}
      </ConfirmDialog>
    </Card>
  );
}

function deliveries(count: number): string {
  return `${formatCount(count)} ${count === 1 ? "delivery" : "deliveries"}`;
}

function Running(props: {
  act: Act;
  progress: Progress;
  ended: boolean;
  onStop: () => void;
  onClose: () => void;
}) {
  const { act, progress, ended, onStop, onClose } = props;
  const { total, done, failed } = progress;
  const failures = failureCount(progress);
  const verb = act === "retry" ? "Retrying" : "Cancelling";
  const past = act === "retry" ? "sent off again" : "cancelled";
  return (
    <Card className={classes.bulk} p="sm" component="section" aria-label={verb}>
      <Stack gap={8}>
        <Group justify="space-between">
          <Text fw={550} role="status">
            {ended
              ? `${deliveries(done - failures)} ${past}${done < total ? `, stopped before the last ${formatCount(total - done)}` : ""}`
              : `${verb} ${deliveries(total)}`}
          </Text>
          <Group gap="xs">
            <Text c="dimmed" className="tabular">
              {formatCount(done)} of {formatCount(total)}
            </Text>
            {ended ? (
              <Button size="xs" variant="default" onClick={onClose}>
                Close
              </Button>
            ) : (
              <Button size="xs" variant="default" onClick={onStop}>
                Stop
              </Button>
            )}
          </Group>
        </Group>
        <Bar
          value={total === 0 ? 100 : (done / total) * 100}
          aria-label={verb}
          color={failures > 0 ? "orange.7" : "teal.7"}
        />
        {[...failed].map(([why, count]) => (
          <Text key={why} size="sm" c="var(--ph-bad)">
            {formatCount(count)}: {why}
          </Text>
        ))}
      </Stack>
    </Card>
  );
}
