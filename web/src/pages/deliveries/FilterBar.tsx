// The filters above the log: the usual ones in a row, all of them in a drawer, which on phones is
// the only way.
import {
  Button,
  CloseButton,
  Drawer,
  Group,
  Indicator,
  Select,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import dayjs from "dayjs";
import { type FormEvent, useEffect, useState } from "react";
import { eventTypesQuery, isOutbound, useWebhookTitles, webhooksQuery } from "../../api/queries";
import { deliveryStatuses, outcomes, periods, triggers } from "../../choices";
import { statusWord } from "../../components/StatusBadge";
import { formatMinutes } from "../../format";
import classes from "./DeliveryLog.module.css";
import { type Filters, filterCount, idKind, type Period, parseCode, periodWord } from "./filters";

interface Props {
  filters: Filters;
  /** In the log of one webhook, which webhook is not a question. */
  webhookId?: string;
  onChange: (change: Partial<Filters>) => void;
  onClear: () => void;
}

const triggerWords: Record<(typeof triggers)[number], string> = {
  event: "Event",
  retry: "Retry schedule",
  manual: "By hand",
  recover: "Recovery",
  test: "Test",
};

export function FilterBar({ filters, webhookId, onChange, onClear }: Props) {
  const [open, setOpen] = useState(false);
  const phone = useMediaQuery("(max-width: 767px)", undefined, { getInitialValueInEffect: false });
  const count = filterCount(filters, webhookId === undefined ? undefined : "webhook_id");
  const fields = { filters, onChange };
  return (
    <Stack gap="xs">
      <Group gap="xs" wrap={phone ? "nowrap" : "wrap"}>
        <IdField {...fields} webhookId={webhookId} />
        {!phone && (
          <>
            <StatusField {...fields} width={122} />
            <EventField {...fields} width={148} />
            {webhookId === undefined && <WebhookField {...fields} width={142} />}
            <CodeField {...fields} width={76} />
            <WhenField {...fields} width={138} onCustom={() => setOpen(true)} />
          </>
        )}
        <Indicator disabled={count === 0 || !phone} label={count} size={16} color="violet.8">
          <Button
            variant="default"
            px="sm"
            leftSection={<IconAdjustmentsHorizontal size={16} />}
            onClick={() => setOpen(true)}
            aria-label={`${phone ? "Filters" : "More filters"}${count === 0 ? "" : `, ${count} set`}`}
          >
            {phone ? "Filters" : "More"}
          </Button>
        </Indicator>
      </Group>
      <Chips {...fields} webhookId={webhookId} every={phone} onClear={onClear} count={count} />
      <Drawer
        opened={open}
        onClose={() => setOpen(false)}
        title="Filters"
        position="right"
        size="sm"
      >
        <Stack gap="md">
          <StatusField {...fields} label />
          <EventField {...fields} label />
          {webhookId === undefined && <WebhookField {...fields} label />}
          <CodeField {...fields} label />
          <Select
            label="Outcome of the last attempt"
            placeholder="Any"
            clearable
            data={outcomes.map((value) => ({ value, label: statusWord(value) }))}
            value={filters.outcome ?? null}
            onChange={(value) => onChange({ outcome: (value ?? undefined) as Filters["outcome"] })}
          />
          <Select
            label="Origin"
            description="Why the delivery exists."
            placeholder="Any"
            clearable
            data={triggers
              // Deliveries begin with these; the others are reasons of single attempts.
              .filter((value) => value !== "retry" && value !== "manual")
              .map((value) => ({ value, label: triggerWords[value] }))}
            value={filters.trigger ?? null}
            onChange={(value) => onChange({ trigger: (value ?? undefined) as Filters["trigger"] })}
          />
          <WhenField {...fields} label />
          <Group grow align="flex-start">
            <MomentField name="since" label="From" {...fields} />
            <MomentField name="until" label="To" {...fields} />
          </Group>
          <Group justify="space-between" mt="xs">
            <Button
              variant="subtle"
              color="gray"
              c="inherit"
              onClick={onClear}
              disabled={count === 0}
            >
              Clear all
            </Button>
            <Button onClick={() => setOpen(false)}>Show deliveries</Button>
          </Group>
        </Stack>
      </Drawer>
    </Stack>
  );
}

interface FieldProps {
  filters: Filters;
  onChange: (change: Partial<Filters>) => void;
  /** With its name above, as in the drawer. */
  label?: boolean;
  width?: number;
}

function named(label: string, visible: boolean | undefined, placeholder: string) {
  return visible ? { label, placeholder: "Any" } : { "aria-label": label, placeholder };
}

/** Any id: an event's filters, a delivery's opens it. */
function IdField({ filters, onChange, webhookId }: FieldProps & { webhookId?: string }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [error, setError] = useState(false);
  function submit(event: FormEvent) {
    event.preventDefault();
    const id = text.trim();
    const kind = idKind(id);
    if (kind === "delivery") {
      void navigate({ to: "/deliveries/$id", params: { id } });
    } else if (kind === "event") {
      onChange({ event_id: id });
      setText("");
    } else if (kind === "webhook" && webhookId === undefined) {
      onChange({ webhook_id: id });
      setText("");
    } else if (id === "") {
      onChange({ event_id: undefined });
    } else {
      setError(true);
    }
  }
  return (
    <form onSubmit={submit} className={classes.find}>
      <TextInput
        data-search
        type="search"
        aria-label="Find by the id of an event or a delivery"
        placeholder={filters.event_id ?? "Find evt_… or dlv_…"}
        leftSection={<IconSearch size={15} />}
        value={text}
        spellCheck={false}
        autoComplete="off"
        error={error ? "Ids begin with evt_ or dlv_" : undefined}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setError(false);
        }}
      />
    </form>
  );
}

function StatusField({ filters, onChange, label, width }: FieldProps) {
  return (
    <Select
      {...named("Status", label, "Any status")}
      clearable
      w={width}
      data={deliveryStatuses
        // A moment that the list of the server does not know.
        .filter((value) => value !== "delivering")
        .map((value) => ({ value, label: statusWord(value) }))}
      value={filters.status ?? null}
      onChange={(value) => onChange({ status: (value ?? undefined) as Filters["status"] })}
    />
  );
}

function EventField({ filters, onChange, label, width }: FieldProps) {
  const { data: types } = useQuery(eventTypesQuery);
  return (
    <Select
      {...named("Event type", label, "Any event type")}
      clearable
      searchable
      w={width}
      limit={100}
      comboboxProps={{ width: "max-content", position: "bottom-start" }}
      nothingFoundMessage="No such event type"
      data={withChosen(
        types?.map(({ name }) => ({ value: name, label: name })),
        filters.event,
      )}
      value={filters.event ?? null}
      onChange={(value) => onChange({ event: value ?? undefined })}
    />
  );
}

function WebhookField({ filters, onChange, label, width }: FieldProps) {
  const { data } = useQuery(webhooksQuery);
  return (
    <Select
      {...named("Webhook", label, "Any webhook")}
      clearable
      searchable
      w={width}
      limit={100}
      comboboxProps={{ width: "max-content", position: "bottom-start" }}
      nothingFoundMessage="No such webhook"
      data={withChosen(
        data?.webhooks.filter(isOutbound).map(({ id, title }) => ({ value: id, label: title })),
        filters.webhook_id,
      )}
      value={filters.webhook_id ?? null}
      onChange={(value) => onChange({ webhook_id: value ?? undefined })}
    />
  );
}

interface Choice {
  value: string;
  label: string;
}

/** What is chosen may not be there (any more), and must be seen all the same. */
function withChosen(choices: Choice[] = [], chosen: string | undefined): Choice[] {
  return chosen === undefined || choices.some(({ value }) => value === chosen)
    ? choices
    : [{ value: chosen, label: chosen }, ...choices];
}

function CodeField({ filters, onChange, label, width }: FieldProps) {
  const set = filters.status_code ?? "";
  const [text, setText] = useState(set);
  const [error, setError] = useState(false);
  useEffect(() => {
    setText(set);
    setError(false);
  }, [set]);
  function commit() {
    const code = parseCode(text);
    if (text.trim() !== "" && code === undefined) {
      setError(true);
      return;
    }
    setText(code ?? "");
    if (code !== filters.status_code) onChange({ status_code: code });
  }
  return (
    <TextInput
      {...named("Status code", label, "Code")}
      placeholder={label ? "500, or 5xx for all of them" : "Code"}
      w={width}
      value={text}
      error={error ? (label ? "A code such as 500, or a class such as 5xx" : true) : undefined}
      autoComplete="off"
      onChange={(event) => {
        setText(event.currentTarget.value);
        setError(false);
      }}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter") commit();
      }}
      rightSection={
        set === "" ? undefined : (
          <CloseButton
            size="sm"
            aria-label="Clear the status code"
            onClick={() => onChange({ status_code: undefined })}
          />
        )
      }
    />
  );
}

const CUSTOM = "custom";

function WhenField({
  filters,
  onChange,
  label,
  width,
  onCustom,
}: FieldProps & { onCustom?: () => void }) {
  const custom = filters.since !== undefined || filters.until !== undefined;
  const choices: Choice[] = periods.map((value) => ({ value, label: periodWord[value] }));
  if (custom || onCustom !== undefined) choices.push({ value: CUSTOM, label: "Custom…" });
  return (
    <Select
      {...named("Time", label, "Any time")}
      clearable
      w={width}
      data={choices}
      value={custom ? CUSTOM : (filters.within ?? null)}
      onChange={(value) => {
        if (value === CUSTOM) onCustom?.();
        else
          onChange({
            within: (value ?? undefined) as Period | undefined,
            since: undefined,
            until: undefined,
          });
      }}
    />
  );
}

function MomentField(
  props: Omit<FieldProps, "label"> & { name: "since" | "until"; label: string },
) {
  const { filters, onChange, name, label } = props;
  const set = filters[name];
  return (
    <TextInput
      type="datetime-local"
      label={label}
      value={set === undefined ? "" : dayjs(set).format("YYYY-MM-DDTHH:mm")}
      onChange={(event) => {
        const moment = new Date(event.currentTarget.value);
        const value = Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
        onChange({ within: undefined, [name]: value });
      }}
    />
  );
}

interface ChipsProps extends FieldProps {
  webhookId?: string;
  /** Also those that have a field in the row, as there is none. */
  every: boolean;
  onClear: () => void;
  count: number;
}

/** What is filtered by and cannot be seen in a field, each with a way to drop it. */
function Chips({ filters, onChange, webhookId, every, onClear, count }: ChipsProps) {
  const titleOf = useWebhookTitles();
  if (count === 0) return null;
  const { webhook_id, event, event_id, status, status_code } = filters;
  const { outcome, trigger, within, since, until } = filters;
  const chips: [text: string, without: Partial<Filters>][] = [];
  if (every) {
    if (status) chips.push([statusWord(status), { status: undefined }]);
    if (event) chips.push([event, { event: undefined }]);
    if (webhook_id && webhookId === undefined) {
      chips.push([`To ${titleOf(webhook_id) ?? webhook_id}`, { webhook_id: undefined }]);
    }
    if (status_code) chips.push([`Code ${status_code}`, { status_code: undefined }]);
    if (within) chips.push([periodWord[within], { within: undefined }]);
  }
  if (event_id) chips.push([`Event ${event_id}`, { event_id: undefined }]);
  if (outcome) chips.push([`Outcome: ${statusWord(outcome)}`, { outcome: undefined }]);
  if (trigger) chips.push([`Origin: ${triggerWords[trigger]}`, { trigger: undefined }]);
  if (since) chips.push([`From ${formatMinutes(since)}`, { since: undefined }]);
  if (until) chips.push([`Until ${formatMinutes(until)}`, { until: undefined }]);
  return (
    <Group gap={6}>
      {chips.map(([text, without]) => (
        <span key={text} className={classes.chip}>
          <Text inherit component="span" truncate maw={280}>
            {text}
          </Text>
          <CloseButton
            size={24}
            iconSize={14}
            aria-label={`Remove the filter ${text}`}
            onClick={() => onChange(without)}
          />
        </span>
      ))}
      <Button variant="subtle" color="gray" c="dimmed" size="compact-sm" onClick={onClear}>
        Clear filters
      </Button>
    </Group>
  );
}
