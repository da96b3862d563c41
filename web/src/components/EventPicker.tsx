// Chooses event types: a field with what is chosen that opens a list of checkboxes in their groups,
// with search. Each shows in a sentence when it occurs; what the pointer or the focus is on is
// explained in full beside the list. Checkboxes and not a listbox, since rows hold more than a
// name, screens without a pointer need no hover, and assistive technology knows them well.
import { Button, Checkbox, Group, Input, Popover, Text, TextInput } from "@mantine/core";
import { IconChevronDown, IconSearch, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useId, useMemo, useRef, useState } from "react";
import { eventTypesQuery } from "../api/queries";
import { firstSentence } from "../format";
import { ErrorState } from "./ErrorState";
import { EventFacts } from "./EventFacts";
import classes from "./EventPicker.module.css";
import { branchTitle, coveredBy, groupsOf, matches, toggled } from "./patterns";
import { Scroll } from "./Scroll";

interface Props {
  label: string;
  description?: ReactNode;
  error?: ReactNode;
  required?: boolean;
  placeholder?: string;
  /** Patterns: `*`, `call.*`, `call.ended`. */
  value: string[];
  onChange: (value: string[]) => void;
  /** Where only these types can be chosen: what choosing each of them does. */
  only?: Record<string, string>;
}

export function EventPicker(props: Props) {
  const { label, description, error, required, placeholder = "Choose event types" } = props;
  const { value, onChange, only } = props;
  const [opened, setOpened] = useState(false);
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const { data: types } = useQuery(eventTypesQuery);
  const title = (pattern: string) =>
    pattern.endsWith("*")
      ? branchTitle(pattern)
      : (types?.find(({ name }) => name === pattern)?.title ?? pattern);

  return (
    <Input.Wrapper
      label={label}
      description={description}
      descriptionProps={{ mb: 5 }}
      error={error}
      required={required}
      labelElement="div"
      labelProps={{ id: `${id}-label` }}
      errorProps={{ id: `${id}-error` }}
    >
      <Popover
        opened={opened}
        onChange={setOpened}
        onClose={() => button.current?.focus()}
        width="target"
        position="bottom-start"
        offset={4}
        shadow="md"
        trapFocus
        // The roles belong to the button within the field, not to the field.
        withRoles={false}
        withinPortal
        middlewares={{
          flip: true,
          shift: true,
          // Never taller than the room there is: a focus that scrolls the page would close it.
          size: {
            padding: 8,
            apply: ({ availableHeight, elements }) =>
              elements.floating.style.setProperty("--room", `${availableHeight}px`),
          },
        }}
      >
        <Popover.Target>
          <div className={classes.field} data-error={error ? true : undefined}>
            {value.map((pattern) => (
              <span key={pattern} className={classes.chip}>
                {title(pattern)}
                <button
                  type="button"
                  aria-label={`Remove ${title(pattern)}`}
                  onClick={() => onChange(value.filter((each) => each !== pattern))}
                >
                  <IconX size={12} aria-hidden="true" />
                </button>
              </span>
            ))}
            <button
              ref={button}
              type="button"
              className={classes.open}
              aria-haspopup="dialog"
              aria-expanded={opened}
              aria-labelledby={`${id}-label ${id}-summary`}
              aria-describedby={error ? `${id}-error` : undefined}
              onClick={() => setOpened(!opened)}
              onKeyDown={(event) => {
                if (event.key !== "ArrowDown") return;
                event.preventDefault();
                setOpened(true);
              }}
            >
              <span
                id={`${id}-summary`}
                className={value.length === 0 ? classes.placeholder : undefined}
              >
                {value.length === 0 ? (
                  placeholder
                ) : (
                  <span className="visually-hidden">{value.map(title).join(", ")}</span>
                )}
              </span>
              <IconChevronDown size={16} aria-hidden="true" />
            </button>
          </div>
        </Popover.Target>
        <Popover.Dropdown p={0} role="dialog" aria-label={label} className={classes.dropdown}>
          <Panel value={value} onChange={onChange} only={only} onDone={() => setOpened(false)} />
        </Popover.Dropdown>
      </Popover>
    </Input.Wrapper>
  );
}

function Panel(props: {
  value: string[];
  onChange: (value: string[]) => void;
  only?: Record<string, string>;
  onDone: () => void;
}) {
  const { value, onChange, only, onDone } = props;
  const { data: all = [], error, refetch } = useQuery(eventTypesQuery);
  const types = useMemo(
    () => (only === undefined ? all : all.filter(({ name }) => Object.hasOwn(only, name))),
    [all, only],
  );
  const [search, setSearch] = useState("");
  const [active, setActive] = useState<string | null>(null);
  const groups = useMemo(
    () => groupsOf(types.filter((type) => search === "" || matches(type, search))),
    [types, search],
  );
  const unknown = value.filter(
    (each) => !each.endsWith("*") && !types.some(({ name }) => name === each),
  );

  /** Arrow keys go from checkbox to checkbox; the search field is before the first. */
  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const inputs = [
      ...event.currentTarget.querySelectorAll<HTMLInputElement>("input:not(:disabled)"),
    ];
    const from = inputs.indexOf(document.activeElement as HTMLInputElement);
    inputs[Math.min(inputs.length - 1, Math.max(0, from + step))]?.focus();
  }

  const option = (pattern: string, title: string, sentence: string, deprecated = false) => {
    const wider = coveredBy(value, pattern);
    return (
      <Option
        key={pattern}
        pattern={pattern}
        title={title}
        sentence={
          wider === undefined ? sentence : `Included in “${branchTitle(wider)}”. ${sentence}`
        }
        deprecated={deprecated}
        checked={wider !== undefined || value.includes(pattern)}
        covered={wider !== undefined}
        active={active === pattern}
        onActive={() => setActive(pattern)}
        onToggle={() => onChange(toggled(value, pattern))}
      />
    );
  };

  if (error !== null) return <ErrorState error={error} onRetry={() => void refetch()} />;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys belong to the fields within.
    <div className={classes.panel} onKeyDown={onKeyDown}>
      <div className={classes.search}>
        <TextInput
          aria-label="Search event types"
          placeholder="Search by name or use case"
          leftSection={<IconSearch size={16} />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          data-autofocus
        />
      </div>
      <div className={classes.columns}>
        <div className={classes.options}>
          {search === "" &&
            only === undefined &&
            option("*", "All events", "Those of today and those added later.")}
          {groups.map(({ title, branches, types: within }) => (
            <fieldset key={title} className={classes.group}>
              <legend>{title}</legend>
              {search === "" &&
                only === undefined &&
                branches.map((branch) =>
                  option(branch, branchTitle(branch), `Everything below ${branch.slice(0, -1)}`),
                )}
              {within.map((type) =>
                option(
                  type.name,
                  type.title,
                  only?.[type.name] ?? firstSentence(type.triggered ?? type.description),
                  type.deprecated,
                ),
              )}
            </fieldset>
          ))}
          {unknown.length > 0 && search === "" && (
            <fieldset className={classes.group}>
              <legend>Not in the catalogue</legend>
              {unknown.map((name) => option(name, name, "No such event type exists now."))}
            </fieldset>
          )}
          {groups.length === 0 && search !== "" && (
            <Text c="dimmed" p="md" ta="center" role="status">
              No event type matches “{search}”
            </Text>
          )}
        </div>
        <Scroll label="About the event type" className={classes.facts}>
          {active === null ? (
            <Text c="dimmed" size="sm">
              Point at an event type, or move to it with the arrow keys, to see when it occurs, what
              it is used for and what is sent.
            </Text>
          ) : (
            <EventFacts pattern={active} types={types} does={only?.[active]} />
          )}
        </Scroll>
      </div>
      <Group justify="space-between" className={classes.foot}>
        <Button
          variant="subtle"
          color="gray"
          c="inherit"
          size="xs"
          disabled={value.length === 0}
          onClick={() => onChange([])}
        >
          Clear
        </Button>
        <Button size="xs" onClick={onDone}>
          Done
        </Button>
      </Group>
    </div>
  );
}

interface OptionProps {
  pattern: string;
  title: string;
  sentence: string;
  deprecated: boolean;
  checked: boolean;
  covered: boolean;
  active: boolean;
  onActive: () => void;
  onToggle: () => void;
}

function Option(props: OptionProps) {
  const { pattern, title, sentence, deprecated, checked, covered, active, onActive, onToggle } =
    props;
  return (
    <Checkbox
      className={classes.option}
      data-active={active || undefined}
      size="xs"
      label={
        <>
          {title} <span className={`mono ${classes.pattern}`}>{pattern}</span>
        </>
      }
      description={deprecated ? `Deprecated. ${sentence}` : sentence}
      checked={checked}
      disabled={covered}
      onChange={onToggle}
      onFocus={onActive}
      wrapperProps={{ onMouseEnter: onActive }}
    />
  );
}
