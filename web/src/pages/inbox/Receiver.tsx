// The address to send to, and what it answers: how a receiver that fails or is slow is played.
import {
  Alert,
  Autocomplete,
  Button,
  Card,
  Group,
  NumberInput,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { ApiProblem, answer, client, done, fieldErrors } from "../../api/client";
import { serverQuery, useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { CopyButton } from "../../components/CopyButton";
import { formatDuration } from "../../format";
import { readSetting, writeSetting } from "../../settings";
import classes from "./InboxPage.module.css";
import { isName } from "./requests";

interface InboxAnswer {
  status: number;
  delay_ms: number;
  /** For so many more requests; null: until it is set again. */
  times: number | null;
  /** One of these by chance, if there are any. */
  choices?: readonly unknown[];
}

const SETTING = "inbox-name";
const FIRST_NAME = "default";

export function Receiver() {
  const [name, setName] = useState(() => readSetting(SETTING) ?? FIRST_NAME);
  const { data: server } = useQuery(serverQuery);
  const valid = isName(name);
  const url = `${server?.public_url ?? location.origin}/inbox/receive/${name}`;

  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Card>
        <Title order={2} size="h3" mb="xs">
          Where to send
        </Title>
        <Stack gap="sm">
          <TextInput
            label="Name"
            description="Any name will do; each has its own answer."
            value={name}
            error={!valid && "1 to 100 letters, digits, -, _ and ."}
            onChange={(event) => {
              setName(event.currentTarget.value);
              if (isName(event.currentTarget.value)) {
                writeSetting(SETTING, event.currentTarget.value);
              }
            }}
          />
          {valid && (
            <>
              <Group gap={4} wrap="nowrap" justify="space-between" className={classes.url}>
                <Text className="mono">{url}</Text>
                <CopyButton text={url} what="inbox URL" size="md" />
              </Group>
              <div>
                <Button
                  component={Link}
                  to="/setup/webhooks/new"
                  search={{ url } as never}
                  variant="default"
                >
                  Add a webhook to this URL
                </Button>
              </div>
            </>
          )}
        </Stack>
      </Card>
      <Card>
        <Title order={2} size="h3" mb="xs">
          What it answers
        </Title>
        {valid && <AnswerForm name={name} key={name} />}
      </Card>
    </SimpleGrid>
  );
}

const statuses = ["200", "204", "400", "401", "404", "410", "429", "500", "503"];

function AnswerForm({ name }: { name: string }) {
  const key = ["inbox", "answer", name];
  const may = useMay("write");
  const { data: current } = useQuery({
    queryKey: key,
    queryFn: (): Promise<InboxAnswer> =>
      answer(client.GET("/v1/inbox/answer/{name}", { params: { path: { name } } })),
    refetchInterval: 3_000,
  });
  const [status, setStatus] = useState("200");
  const [delay, setDelay] = useState<number | string>(0);
  const [times, setTimes] = useState<number | string>("");
  const [errors, setErrors] = useState<Record<string, string>>({});
  // Shows what is set once, and then leaves the fields to the reader.
  const loaded = current !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above.
  useEffect(() => {
    if (current === undefined) return;
    setStatus(String(current.status));
    setDelay(current.delay_ms);
    setTimes(current.times ?? "");
  }, [loaded]);

  const save = useAction<Partial<Omit<InboxAnswer, "choices">>>({
    run: (body) =>
      done(client.PUT("/v1/inbox/answer/{name}", { params: { path: { name } }, body })),
    invalidates: [key],
    done: (_, body) => `“${name}” now answers ${describe({ ...usual, ...body })}.`,
    failed: "Could not set the answer",
    shows: (problem) => {
      setErrors(fieldErrors(problem));
      return problem instanceof ApiProblem && problem.fields.size > 0;
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    const code = Number(status);
    if (!Number.isInteger(code) || code < 200 || code > 599) {
      setErrors({ status: "A number from 200 to 599" });
      return;
    }
    setErrors({});
    const count = typeof times === "number" ? { times } : {};
    save.mutate({ status: code, delay_ms: Number(delay) || 0, ...count });
  }

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <SimpleGrid cols={3} spacing="sm">
          <Autocomplete
            label="Status"
            data={statuses}
            // All of them, whatever is typed: they are suggestions.
            filter={({ options }) => options}
            value={status}
            onChange={setStatus}
            error={errors.status}
            inputMode="numeric"
          />
          <NumberInput
            label="Delay"
            suffix=" ms"
            min={0}
            max={60_000}
            step={500}
            allowDecimal={false}
            thousandSeparator=","
            value={delay}
            onChange={setDelay}
            error={errors.delay_ms}
            hideControls
          />
          <NumberInput
            label="Times"
            placeholder="Always"
            min={1}
            allowDecimal={false}
            value={times}
            onChange={setTimes}
            error={errors.times}
            hideControls
          />
        </SimpleGrid>
        <Group gap="xs">
          <Button type="submit" loading={save.isPending} disabled={!may}>
            Set the answer
          </Button>
          <Button
            variant="default"
            disabled={!may}
            onClick={() => {
              setStatus("500");
              setDelay(0);
              setTimes(2);
              save.mutate({ status: 500, times: 2 });
            }}
          >
            Fail twice
          </Button>
        </Group>
        {current && (
          <Text size="sm" c="dimmed" role="status">
            Now it answers {describe(current)}.
          </Text>
        )}
        {!may && (
          <Alert color="gray" variant="outline">
            Your role may look at the inbox, not change its answers.
          </Alert>
        )}
      </Stack>
    </form>
  );
}

const usual: InboxAnswer = { status: 200, delay_ms: 0, times: null };

function describe({ status, delay_ms, times, choices = [] }: InboxAnswer): string {
  const when = delay_ms === 0 ? "at once" : `after ${formatDuration(delay_ms)}`;
  const until =
    times === null ? "" : times === 1 ? ", once more, then 200" : `, ${times} more times, then 200`;
  const what =
    choices.length > 0 ? `one of ${choices.length} answers by chance` : `${status} ${when}`;
  return `${what}${until}`;
}
