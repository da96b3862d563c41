// The form of a webhook, to add one and to edit one. Whatever the server objects to is shown beside
// its field, and the first such field gets the focus.
import {
  Alert,
  Button,
  Card,
  Divider,
  Group,
  Input,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMediaQuery } from "@mantine/hooks";
import { IconChevronRight, IconFlask } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { ApiProblem, answer, client, sentence, type Webhook } from "../../api/client";
import { isOutbound, serverQuery } from "../../api/queries";
import { EventPicker } from "../../components/EventPicker";
import { IdCopy } from "../../components/IdCopy";
import { PowerlistSelect } from "../../components/PowerlistSelect";
import { inboxUrl } from "../webhooks/inbox";
import { AdvancedSettings } from "./AdvancedSettings";
import { readDraft, writeDraft } from "./draft";
import { InboundSettings } from "./InboundSettings";
import { operations } from "./inbound";
import {
  advancedFields,
  changed,
  placed,
  read,
  readInbound,
  type Values,
  valuesOf,
} from "./values";
import classes from "./WebhookForm.module.css";

/** What was saved; a webhook just created comes with its secret. */
export type Saved = Webhook & { secret?: string };

interface Props {
  /** The one to change; a new one without. */
  webhook?: Webhook;
  /** What the fields start with. */
  start: Values;
  /** Where the draft is kept: another for each form. */
  draftKey: string;
  onSaved: (webhook: Saved) => void;
  onCancel?: () => void;
}

export function WebhookForm({ webhook, start, draftKey, onSaved, onCancel }: Props) {
  // The webhook as the fields began; it may be read anew while they are filled.
  const [before, setBefore] = useState(webhook);
  const updatedAt = before?.updated_at ?? null;
  const [draft, setDraft] = useState(() => readDraft(draftKey, updatedAt));
  const form = useForm<Values>({ initialValues: start });
  const [advanced, setAdvanced] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [rest, setRest] = useState<string[]>([]);
  const element = useRef<HTMLFormElement>(null);
  const wantsFocus = useRef(false);
  const narrow = useMediaQuery("(max-width: 30em)");
  const advancedId = useId();
  const { data: server } = useQuery(serverQuery);
  const queries = useQueryClient();
  const { values, errors } = form;
  const inbound = values.direction === "inbound";
  const dirty = form.isDirty();
  const count = Object.keys(errors).length;

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the form opens.
  useEffect(() => {
    if (draft !== null) form.setValues(draft);
  }, []);

  useEffect(() => {
    writeDraft(draftKey, updatedAt, dirty ? values : null);
  }, [dirty, draftKey, updatedAt, values]);

  // After the errors are drawn, and the folded part with them if they are there.
  useEffect(() => {
    if (!wantsFocus.current || count === 0) return;
    wantsFocus.current = false;
    element.current
      ?.querySelector<HTMLElement>(
        "input[aria-invalid=true], textarea[aria-invalid=true], [data-error] button[aria-expanded]",
      )
      ?.focus();
  });

  const save = useMutation<Saved, Error, { settings: object }>({
    mutationFn: async ({ settings }) => {
      const call =
        before === undefined
          ? client.POST("/v1/webhooks", {
              body: { direction: values.direction, ...settings } as never,
            })
          : client.PATCH("/v1/webhooks/{id}", {
              params: { path: { id: before.id } },
              body: changed(settings, before) as never,
            });
      return (await answer<unknown>(call)) as Saved;
    },
    onSuccess: (saved) => {
      writeDraft(draftKey, null, null);
      setDraft(null);
      setBefore(saved);
      const settled = valuesOf(saved);
      form.setInitialValues(settled);
      form.setValues(settled);
      void queries.invalidateQueries({ queryKey: ["webhooks"] });
      void queries.invalidateQueries({ queryKey: ["audit-log"] });
      onSaved(saved);
    },
    onError: (error) => {
      if (!(error instanceof ApiProblem)) throw error;
      const { errors: found, rest: unplaced } = placed(error, values);
      show(found, unplaced, error);
    },
  });

  function show(found: Record<string, string>, unplaced: string[], error: ApiProblem | null) {
    if (Object.keys(found).some(isAdvanced)) setAdvanced(true);
    wantsFocus.current = true;
    form.setErrors(found);
    setRest(unplaced);
    setProblem(error);
  }

  function submit() {
    if (save.isPending) return;
    setProblem(null);
    setRest([]);
    const got = inbound
      ? readInbound(values, before && !isOutbound(before) ? before : undefined)
      : read(values);
    if ("errors" in got) return show(got.errors, [], null);
    form.clearErrors();
    save.mutate({ settings: got.settings });
  }

  function startOver() {
    writeDraft(draftKey, null, null);
    setDraft(null);
    form.reset();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  }

  return (
    <Card p={0}>
      <form
        ref={element}
        noValidate
        aria-label={webhook === undefined ? "Add webhook" : "Edit webhook"}
        onKeyDown={onKeyDown}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack gap="lg" className={classes.fields}>
          {draft !== null && (
            <Alert color="blue" variant="light" p="xs">
              <Group justify="space-between" gap="xs">
                <Text size="sm">What you had typed before is here again.</Text>
                <Button size="compact-sm" variant="default" onClick={startOver}>
                  Start over
                </Button>
              </Group>
            </Alert>
          )}
          <div>
            <Input.Label labelElement="div" id={`${advancedId}-direction`} mb={4} display="block">
              Direction
            </Input.Label>
            <SegmentedControl
              aria-labelledby={`${advancedId}-direction`}
              className={classes.direction}
              orientation={narrow ? "vertical" : "horizontal"}
              value={values.direction}
              onChange={(to) => {
                form.setFieldValue("direction", to as Values["direction"]);
                form.clearErrors();
              }}
              disabled={webhook !== undefined}
              data={[
                { value: "outbound", label: "Send to my server" },
                { value: "inbound", label: "Receive into a powerlist" },
              ]}
            />
          </div>
          <TextInput
            label="Title"
            placeholder="Home"
            description="A clear name, for you and those you work with."
            required
            autoComplete="off"
            data-autofocus={webhook === undefined || undefined}
            autoFocus={webhook === undefined}
            {...form.getInputProps("title")}
          />
          <PowerlistSelect
            label="Powerlist"
            placeholder="Choose a list"
            none={inbound ? undefined : "Events of every list"}
            description={
              inbound
                ? "The calling list that contacts come to."
                : "Only events that belong to this calling list; of every list without one."
            }
            required={inbound}
            value={values.powerlist_id}
            onChange={(id) => {
              form.setFieldValue("powerlist_id", id);
              form.clearFieldError("powerlist_id");
            }}
            error={errors.powerlist_id}
          />
          <EventPicker
            key={values.direction}
            label="Endpoint"
            description={
              inbound
                ? "Each gets a URL of its own that others post to. Point at one to see more."
                : "One or several events. Point at one to see what triggers it and what it is used for."
            }
            placeholder={inbound ? "Choose what others may post" : undefined}
            required
            only={inbound ? operations : undefined}
            value={inbound ? values.operations : values.events}
            onChange={(events) => {
              const field = inbound ? "operations" : "events";
              form.setFieldValue(field, events);
              form.clearFieldError(field);
            }}
            error={inbound ? errors.operations : errors.events}
          />
          {!inbound && (
            <>
              <TextInput
                label="URL"
                type="url"
                inputMode="url"
                placeholder="https://example.com/hooks"
                description="Each event is posted here as JSON, signed with the webhook's secret."
                required
                autoComplete="off"
                spellCheck={false}
                {...form.getInputProps("url")}
              />
              {server?.inbox && (
                <Group gap="xs" mt={-10}>
                  <Button
                    size="compact-sm"
                    variant="light"
                    leftSection={<IconFlask size={14} />}
                    onClick={() => {
                      form.setFieldValue("url", inboxUrl(server, values.title));
                      form.clearFieldError("url");
                    }}
                  >
                    Use the test inbox
                  </Button>
                  <Text size="sm" c="dimmed">
                    No receiver yet? This server can be one.
                  </Text>
                </Group>
              )}
            </>
          )}
          <div>
            <UnstyledButton
              className={classes.fold}
              aria-expanded={advanced}
              aria-controls={advancedId}
              onClick={() => setAdvanced(!advanced)}
            >
              <IconChevronRight size={16} aria-hidden="true" />
              Advanced settings
              <Text span c="dimmed" size="sm" fw={400} className={classes.foldHint}>
                {inbound
                  ? "Description, verification, rate limit"
                  : "Description, headers, signature, timeout, retries, limits"}
              </Text>
            </UnstyledButton>
            <div id={advancedId} hidden={!advanced}>
              {advanced &&
                (inbound ? (
                  <InboundSettings
                    form={form}
                    webhook={before && !isOutbound(before) ? before : undefined}
                  />
                ) : (
                  <AdvancedSettings form={form} server={server} />
                ))}
            </div>
          </div>
          <div aria-live="polite">
            {count > 0 ? (
              <Alert color="red" variant="light" p="xs">
                {count === 1 ? "One field needs" : `${count} fields need`} another look.
                {rest.map((message) => (
                  <div key={message}>{message}</div>
                ))}
              </Alert>
            ) : (
              problem !== null &&
              (problem.fields.size === 0 || rest.length > 0) && (
                <Alert color="red" variant="light" title="The webhook was not saved">
                  {rest.length > 0 ? rest.join("; ") : sentence(problem)}
                  {problem.requestId !== null && (
                    <Group gap={6} fz="sm" mt={4}>
                      Request <IdCopy id={problem.requestId} what="request id" />
                    </Group>
                  )}
                </Alert>
              )
            )}
          </div>
        </Stack>
        <Divider color="var(--ph-border)" />
        <Group justify="flex-end" gap="sm" className={classes.foot}>
          <Text size="sm" c="dimmed" className={classes.hint}>
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> submits
          </Text>
          {onCancel && (
            <Button
              variant="default"
              onClick={() => {
                writeDraft(draftKey, null, null);
                onCancel();
              }}
            >
              Cancel
            </Button>
          )}
          <Button type="submit" loading={save.isPending}>
            Submit
          </Button>
        </Group>
      </form>
    </Card>
  );
}

function isAdvanced(path: string): boolean {
  return advancedFields.some((field) => path === field || path.startsWith(`${field}.`));
}
