// From nothing to a verified delivery in three steps. Shown until something was delivered; the
// palette brings it back.
import { Anchor, Button, CloseButton, Group, Text } from "@mantine/core";
import { IconCheck, IconFlask, IconSend } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import {
  answer,
  client,
  type DeliveryDetail,
  type OutboundWebhook,
  type Server,
  type Webhook,
} from "../../api/client";
import { isOutbound, notifyProblem, serverQuery, useAction } from "../../api/queries";
import { AddButton } from "../../components/buttons";
import { formatDuration } from "../../format";
import { readSetting, writeSetting } from "../../settings";
import classes from "./FirstSteps.module.css";
import { inboxUrl } from "./inbox";

const SETTING = "first-steps";

/** Whether they are shown. `webhooks` is undefined until they have been read. */
export function useFirstSteps(webhooks: Webhook[] | undefined) {
  const [choice, setChoice] = useState<"auto" | "shown" | "hidden">(
    readSetting(SETTING) === "hidden" ? "hidden" : "auto",
  );
  const unused = webhooks?.every(({ hits }) => hits === 0) ?? false;
  const { data: delivered } = useQuery({
    queryKey: ["deliveries", { first_steps: true }],
    queryFn: () =>
      answer(
        client.GET("/v1/deliveries", { params: { query: { status: "delivered", limit: 1 } } }),
      ),
    enabled: choice === "auto" && unused,
    // What is delivered by these steps does not take them away while they are looked at.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
    refetchOnWindowFocus: false,
  });
  return {
    visible: choice === "shown" || (choice === "auto" && unused && delivered?.data.length === 0),
    dismiss: () => {
      writeSetting(SETTING, "hidden");
      setChoice("hidden");
    },
    recall: () => {
      writeSetting(SETTING, null);
      setChoice("shown");
    },
  };
}

interface Verdict {
  verdict: string;
  message: string;
  signatures: { verdict: string }[];
}

interface Sent {
  delivery: DeliveryDetail;
  /** What the test inbox found, where it was the receiver. */
  verdict: Verdict | null;
}

interface Props {
  webhooks: Webhook[];
  steps: ReturnType<typeof useFirstSteps>;
  mayWrite: boolean;
}

export function FirstSteps({ webhooks, steps, mayWrite }: Props) {
  const { data: server } = useQuery(serverQuery);
  const queries = useQueryClient();
  // The newest that can be sent to.
  const target = webhooks
    .filter(isOutbound)
    .filter(({ status }) => status === "enabled")
    .reduce<OutboundWebhook | undefined>(
      (a, b) => (a === undefined || b.number > a.number ? b : a),
      undefined,
    );

  const create = useAction<void, unknown>({
    run: () => {
      const title = "My first webhook";
      const body = { title, url: inboxUrl(server, title), events: ["call.ended"] };
      return answer(client.POST("/v1/webhooks", { body }));
    },
    invalidates: [["webhooks"]],
    failed: "Could not add the webhook",
  });

  const send = useMutation<Sent, Error, Webhook>({
    mutationFn: async ({ id }) => {
      const delivery = await answer(
        client.POST("/v1/webhooks/{id}/test", { params: { path: { id } }, body: {} }),
      );
      return { delivery, verdict: server?.inbox ? await verdictOf(delivery.event_id) : null };
    },
    onError: (error) => notifyProblem("Could not send the test event", error),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["webhooks"] }),
  });

  const { delivery, verdict = null } = send.data ?? {};
  const arrived = delivery?.status === "delivered";
  const verified = arrived && (verdict === null || verdict.verdict === "verified");
  const current = target === undefined ? 1 : !arrived ? 2 : 3;
  return (
    <section className={classes.strip} aria-label="First steps">
      <CloseButton
        className={classes.close}
        aria-label="Hide the first steps"
        onClick={steps.dismiss}
      />
      <ol className={classes.steps}>
        <Step n={1} current={current} done={target !== undefined} title="Add webhook">
          {target === undefined ? (
            <>
              <Text size="sm" c="dimmed">
                Say which events go to which URL.
              </Text>
              {mayWrite && (
                <Group gap="xs">
                  <AddButton to="/setup/webhooks/new" size="xs">
                    Add webhook
                  </AddButton>
                  {server?.inbox && (
                    <Button
                      size="xs"
                      variant="default"
                      leftSection={<IconFlask size={15} />}
                      loading={create.isPending}
                      onClick={() => create.mutate()}
                    >
                      Use the test inbox
                    </Button>
                  )}
                </Group>
              )}
            </>
          ) : (
            <Text size="sm" c="dimmed">
              <Anchor
                component={Link}
                to="/setup/webhooks/$id"
                params={{ id: target.id } as never}
                inherit
              >
                {target.title}
              </Anchor>{" "}
              is ready{isInbox(target.url, server) && ", and sends to the test inbox"}.
            </Text>
          )}
        </Step>
        <Step n={2} current={current} done={arrived} title="Send test event">
          {delivery === undefined || arrived ? (
            <Text size="sm" c="dimmed">
              {arrived ? <Answer delivery={delivery} /> : "A sample of what it will get, signed."}
            </Text>
          ) : (
            <Text size="sm" c="var(--ph-bad)" role="alert">
              <Answer delivery={delivery} />{" "}
              <Anchor
                component={Link}
                to="/deliveries/$id"
                params={{ id: delivery.id } as never}
                inherit
              >
                See why
              </Anchor>
            </Text>
          )}
          {target !== undefined && !arrived && mayWrite && (
            <Group>
              <Button
                size="xs"
                leftSection={<IconSend size={15} />}
                loading={send.isPending}
                onClick={() => send.mutate(target)}
              >
                {delivery === undefined ? "Send test event" : "Send again"}
              </Button>
            </Group>
          )}
        </Step>
        <Step n={3} current={current} done={verified} title={verified ? "Verified ✓" : "Verified"}>
          {delivery === undefined || !arrived ? (
            <Text size="sm" c="dimmed">
              The signature proves that it came from here.
            </Text>
          ) : (
            <>
              <Text size="sm" c={verified ? "dimmed" : "var(--ph-bad)"} role="status">
                {verdict === null
                  ? "Your server accepted it. Check its signature with the code for your language."
                  : verified
                    ? `${verdict.signatures.filter((each) => each.verdict === "verified").length} signatures verified by the test inbox.`
                    : `The signature did not verify: ${verdict.message}.`}
              </Text>
              <Group gap="xs">
                <Button
                  size="xs"
                  variant="default"
                  component={Link}
                  to="/deliveries/$id"
                  params={{ id: delivery.id } as never}
                >
                  See the request
                </Button>
                <Button
                  size="xs"
                  variant="default"
                  component={Link}
                  to="/setup/webhooks/$id"
                  params={{ id: delivery.webhook_id } as never}
                  search={{ tab: "code" } as never}
                >
                  Get the code
                </Button>
              </Group>
            </>
          )}
        </Step>
      </ol>
    </section>
  );
}

function Step(props: {
  n: number;
  current: number;
  done: boolean;
  title: string;
  children: ReactNode;
}) {
  const { n, current, done, title, children } = props;
  return (
    <li
      className={classes.step}
      data-done={done || undefined}
      aria-current={n === current && !done ? "step" : undefined}
    >
      <span className={classes.mark} aria-hidden="true">
        {done ? <IconCheck size={15} stroke={2.6} /> : n}
      </span>
      <div className={classes.body}>
        <Text fw={600}>
          {title}
          {done && <span className="visually-hidden"> (done)</span>}
        </Text>
        {children}
      </div>
    </li>
  );
}

function Answer({ delivery }: { delivery: DeliveryDetail }) {
  const last = delivery.attempts.at(-1);
  if (last === undefined) return "Waiting for an answer.";
  if (last.status_code === null) return `No answer: ${last.error ?? last.outcome}.`;
  return `Answered ${last.status_code} in ${formatDuration(last.duration_ms)}.`;
}

function isInbox(url: string, server: Server | undefined): boolean {
  return server?.inbox === true && new URL(url).pathname.startsWith("/inbox/receive");
}

/** What the inbox found about a request; null if it was not the receiver. */
async function verdictOf(eventId: string): Promise<Verdict | null> {
  let since: number | undefined;
  for (;;) {
    const page = await answer(client.GET("/v1/inbox/requests", { params: { query: { since } } }));
    const mine = page.data.find(({ headers }) =>
      headers.some(([name, value]) => name === "webhook-id" && value === eventId),
    );
    if (mine !== undefined || !page.more) return mine?.verdict ?? null;
    since = page.next_since;
  }
}
