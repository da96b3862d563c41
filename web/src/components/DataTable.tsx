// A list: a table, or cards under 640 px, with its loading, empty and error states; sorted, paged
// and selected by its owner, who keeps all of that in the address.
import { Button, Checkbox, Group, Skeleton, Table, Text, UnstyledButton } from "@mantine/core";
import { useCallbackRef, useMediaQuery } from "@mantine/hooks";
import {
  IconArrowDown,
  IconArrowsSort,
  IconArrowUp,
  IconChevronLeft,
  IconChevronRight,
} from "@tabler/icons-react";
import { type KeyboardEvent, type MouseEvent, memo, type ReactNode } from "react";
import { useShortcuts } from "../frame/shortcuts";
import classes from "./DataTable.module.css";
import { ErrorState } from "./ErrorState";
import { Scroll } from "./Scroll";

export interface Column<Row> {
  key: string;
  header: string;
  cell: (row: Row) => ReactNode;
  sortable?: boolean;
  align?: "left" | "right";
  width?: number | string;
  /** On a card: `title` at the top, `badge` beside it, `actions` at the bottom, or not at all. */
  card?: "title" | "badge" | "actions" | "hidden";
}

export interface Sort {
  key: string;
  order: "ascending" | "descending";
}

export interface Paging {
  onFirst?: () => void;
  onPrevious?: () => void;
  onNext?: () => void;
  /** "1–50 of 120". */
  note?: ReactNode;
}

export interface Selection {
  ids: ReadonlySet<string>;
  onChange: (ids: ReadonlySet<string>) => void;
}

interface Props<Row> {
  /** What the list is of: "Webhooks". */
  label: string;
  columns: Column<Row>[];
  /** undefined: not there yet. */
  rows: Row[] | undefined;
  rowId: (row: Row) => string;
  /** A row in words, for its checkbox. */
  rowName?: (row: Row) => string;
  error?: unknown;
  onRetry?: () => void;
  /** Shown when there are no rows; pass another one when filters are set ("No webhooks match"). */
  empty: ReactNode;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** A click on a row, or Enter on it. The row's title should be a link as well. */
  onOpen?: (row: Row) => void;
  /** The row that is open beside the list. */
  openId?: string;
  selection?: Selection;
  paging?: Paging;
  /** The rows are of before and new ones are on their way. */
  stale?: boolean;
}

const SKELETON_ROWS = 5;

export function DataTable<Row>(props: Props<Row>) {
  const { label, rows, error, onRetry, empty, paging, stale } = props;
  const cards = useMediaQuery("(max-width: 639px)", undefined, { getInitialValueInEffect: false });
  useRowKeys();

  if (error != null && rows === undefined) {
    return (
      <div className={classes.frame}>
        <ErrorState error={error} title={`${label} could not be loaded`} onRetry={onRetry} />
      </div>
    );
  }
  if (rows?.length === 0) {
    return (
      <>
        <div className={classes.frame}>{empty}</div>
        <Pager paging={paging} />
      </>
    );
  }
  return (
    <>
      <div className={classes.frame} data-stale={stale || undefined}>
        {cards ? <Cards {...props} /> : <Rows {...props} />}
      </div>
      {rows === undefined && (
        <span className="visually-hidden" role="status">
          Loading {label}
        </span>
      )}
      <Pager paging={paging} />
    </>
  );
}

function Rows<Row>(props: Props<Row>) {
  const { label, columns, rows, selection } = props;
  const rowProps = useRowProps(props);
  return (
    <Scroll className={classes.scroll} label={label}>
      <Table className={classes.table} verticalSpacing="xs" horizontalSpacing="md">
        <Table.Thead>
          <Table.Tr>
            {selection && (
              <Table.Th w={40}>
                <SelectAll rows={rows ?? []} rowId={props.rowId} selection={selection} />
              </Table.Th>
            )}
            {columns.map((column) => (
              <Head key={column.key} column={column} sort={props.sort} onSort={props.onSort} />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows === undefined
            ? skeletons((n) => (
                <Table.Tr key={n}>
                  {selection && <Table.Td />}
                  {columns.map(({ key }) => (
                    <Table.Td key={key}>
                      <Skeleton
                        height={12}
                        my={6}
                        width={`${45 + ((n * 17 + key.length * 9) % 45)}%`}
                      />
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))
            : rows.map((row) => <OneRow key={props.rowId(row)} {...rowProps(row)} />)}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

interface RowProps<Row> {
  row: Row;
  id: string;
  name: string | undefined;
  columns: Column<Row>[];
  isOpen: boolean;
  onOpen?: (row: Row) => void;
  /** undefined: rows are not chosen here. */
  chosen?: boolean;
  onChoose: (id: string) => void;
}

/** What a row is drawn from. Nothing in it changes with the list around it. */
function useRowProps<Row>(props: Props<Row>): (row: Row) => RowProps<Row> {
  const { columns, rowId, rowName, onOpen, openId, selection } = props;
  const open = useCallbackRef(onOpen);
  const onChoose = useCallbackRef((id: string) => {
    const ids = new Set(selection?.ids);
    if (!ids.delete(id)) ids.add(id);
    selection?.onChange(ids);
  });
  return (row) => {
    const id = rowId(row);
    return {
      row,
      id,
      name: rowName?.(row),
      columns,
      isOpen: id === openId,
      onOpen: onOpen && open,
      chosen: selection?.ids.has(id),
      onChoose,
    };
  };
}

/**
 * Drawn only when the row itself changed: fifty of them are two thousand elements, and the list is
 * drawn several times while a page of it is read.
 */
const OneRow = memo(function OneRow<Row>(props: RowProps<Row>) {
  const { row, id, name, columns, isOpen, onOpen, chosen, onChoose } = props;
  return (
    <Table.Tr
      data-row={id}
      data-opens={onOpen ? true : undefined}
      data-open={isOpen || undefined}
      tabIndex={onOpen ? -1 : undefined}
      {...opening(row, onOpen)}
    >
      {chosen !== undefined && (
        <Table.Td>
          <SelectOne id={id} name={name} chosen={chosen} onChoose={onChoose} />
        </Table.Td>
      )}
      {columns.map(({ key, align, cell }) => (
        <Table.Td key={key} ta={align} className={align === "right" ? "tabular" : undefined}>
          {cell(row)}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}) as <Row>(props: RowProps<Row>) => ReactNode;

function Head<Row>(props: { column: Column<Row>; sort?: Sort; onSort?: (sort: Sort) => void }) {
  const { column, sort, onSort } = props;
  const { key, header, align, width, sortable } = column;
  if (!sortable || onSort === undefined) {
    return (
      <Table.Th ta={align} w={width}>
        {header}
      </Table.Th>
    );
  }
  const order = sort?.key === key ? sort.order : undefined;
  const Arrow =
    order === undefined ? IconArrowsSort : order === "ascending" ? IconArrowUp : IconArrowDown;
  return (
    <Table.Th ta={align} w={width} aria-sort={order ?? "none"}>
      <UnstyledButton
        className={classes.sort}
        data-sorted={order !== undefined || undefined}
        onClick={() => onSort({ key, order: order === "descending" ? "ascending" : "descending" })}
      >
        {header}
        <Arrow size={14} aria-hidden="true" />
      </UnstyledButton>
    </Table.Th>
  );
}

function Cards<Row>(props: Props<Row>) {
  const { label, rows } = props;
  const rowProps = useRowProps(props);
  return (
    <ul className={classes.cards} aria-label={label}>
      {rows === undefined
        ? skeletons((n) => (
            <li key={n} className={classes.card}>
              <Skeleton height={14} width="55%" mb={12} />
              <Skeleton height={10} width="80%" mb={8} />
              <Skeleton height={10} width="65%" />
            </li>
          ))
        : rows.map((row) => <OneCard key={props.rowId(row)} {...rowProps(row)} />)}
    </ul>
  );
}

const OneCard = memo(function OneCard<Row>(props: RowProps<Row>) {
  const { row, id, name, columns, isOpen, onOpen, chosen, onChoose } = props;
  const part = (place: Column<Row>["card"]) =>
    columns
      .filter(({ card }) => card === place)
      .map(({ key, cell }) => <div key={key}>{cell(row)}</div>);
  return (
    <li
      data-row={id}
      data-opens={onOpen ? true : undefined}
      data-open={isOpen || undefined}
      className={classes.card}
      tabIndex={onOpen ? -1 : undefined}
      {...opening(row, onOpen)}
    >
      <div className={classes.cardHead}>
        {chosen !== undefined && (
          <SelectOne id={id} name={name} chosen={chosen} onChoose={onChoose} />
        )}
        <div className={classes.cardTitle}>{part("title")}</div>
        {part("badge")}
      </div>
      <dl className={classes.facts}>
        {columns
          .filter(({ card }) => card === undefined)
          .map(({ key, header, cell }) => (
            <div key={key}>
              <dt>{header}</dt>
              <dd>{cell(row)}</dd>
            </div>
          ))}
      </dl>
      <Group gap="xs">{part("actions")}</Group>
    </li>
  );
}) as <Row>(props: RowProps<Row>) => ReactNode;

function skeletons(draw: (n: number) => ReactNode): ReactNode[] {
  return Array.from({ length: SKELETON_ROWS }, (_, n) => draw(n));
}

/** A click anywhere in the row but on its own controls, or Enter while the row has the focus. */
function opening<Row>(row: Row, onOpen?: (row: Row) => void) {
  if (onOpen === undefined) return {};
  return {
    onClick: (event: MouseEvent<HTMLElement>) => {
      const control = (event.target as Element).closest("a, button, input, label, [role=button]");
      const selecting = window.getSelection()?.isCollapsed === false;
      if (control === null && !selecting) onOpen(row);
    },
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      if (event.key === "Enter" && event.target === event.currentTarget) onOpen(row);
    },
  };
}

/** j and k move the focus from row to row, also from one list of a page to the next. */
function useRowKeys() {
  const move = (step: 1 | -1) => () => {
    const rows = [...document.querySelectorAll<HTMLElement>("main [data-row][tabindex]")];
    const open = rows.findIndex((row) => row.dataset.open !== undefined);
    const focused = rows.findIndex((row) => row.contains(document.activeElement));
    const from = focused >= 0 ? focused : open;
    const to = from < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, from + step));
    rows[to]?.focus();
    rows[to]?.scrollIntoView({ block: "nearest" });
  };
  useShortcuts([
    { keys: "j", label: "Next row", group: "Lists", run: move(1) },
    { keys: "k", label: "Previous row", group: "Lists", run: move(-1) },
  ]);
}

function SelectAll<Row>(props: { rows: Row[]; rowId: (row: Row) => string; selection: Selection }) {
  const { rows, rowId, selection } = props;
  const ids = rows.map(rowId);
  const chosen = ids.filter((id) => selection.ids.has(id)).length;
  return (
    <Checkbox
      size="xs"
      aria-label="Select all rows of this page"
      checked={chosen > 0 && chosen === ids.length}
      indeterminate={chosen > 0 && chosen < ids.length}
      disabled={ids.length === 0}
      onChange={() => selection.onChange(new Set(chosen === ids.length ? [] : ids))}
    />
  );
}

function SelectOne(
  props: Pick<RowProps<unknown>, "id" | "name" | "onChoose"> & { chosen: boolean },
) {
  const { id, name = id, chosen, onChoose } = props;
  return (
    <Checkbox
      size="xs"
      aria-label={`Select ${name}`}
      checked={chosen}
      onChange={() => onChoose(id)}
    />
  );
}

function Pager({ paging }: { paging?: Paging }) {
  if (paging === undefined) return null;
  const { onFirst, onPrevious, onNext, note } = paging;
  if (!onFirst && !onPrevious && !onNext && !note) return null;
  return (
    <Group component="nav" justify="space-between" aria-label="Pages">
      <Text c="dimmed" size="sm" component="div">
        {note}
      </Text>
      <Group gap="xs">
        {onFirst && (
          <Button variant="subtle" color="gray" c="inherit" size="xs" onClick={onFirst}>
            First page
          </Button>
        )}
        <Button
          variant="default"
          size="xs"
          disabled={!onPrevious}
          onClick={onPrevious}
          leftSection={<IconChevronLeft size={14} />}
        >
          Previous
        </Button>
        <Button
          variant="default"
          size="xs"
          disabled={!onNext}
          onClick={onNext}
          rightSection={<IconChevronRight size={14} />}
        >
          Next
        </Button>
      </Group>
    </Group>
  );
}
