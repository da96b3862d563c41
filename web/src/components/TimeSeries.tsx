// A chart over time, drawn by uPlot, with the same numbers as a table and as CSV. Drag to zoom,
// click for the bucket. Whatever the canvas shows is in the table, which is what screen readers get.
import { ActionIcon, Group, Table, Text, Tooltip, useComputedColorScheme } from "@mantine/core";
import { IconChartAreaLine, IconDownload, IconTable } from "@tabler/icons-react";
import dayjs from "dayjs";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatCompact, formatSeconds } from "../format";
import { Scroll } from "./Scroll";
import { download, lonely, type Series, stack, toCsv } from "./series";
import classes from "./TimeSeries.module.css";

export type { Series } from "./series";

interface Props {
  /** Names the chart: "Success and failure rate". */
  label: string;
  /** The start of each bucket, ISO 8601, oldest first. */
  at: string[];
  series: Series[];
  kind?: "lines" | "stacked" | "bars" | "stacked-bars";
  /** Numbers on the axis, in the legend and in the table. */
  format?: (value: number) => string;
  height?: number;
  /** Says that there is nothing to show, over empty axes. */
  emptyText?: string;
  logarithmic?: boolean;
  /** The range that was dragged over, ISO 8601. */
  onZoom?: (from: string, to: string) => void;
  /** The bucket that was clicked. */
  onPick?: (index: number) => void;
  /** A dashed horizontal line. */
  threshold?: number;
}

const DRAG_PX_MIN = 8;

export function TimeSeries(props: Props) {
  const { label, at, series, format = formatCompact, height = 220 } = props;
  const [table, setTable] = useState(false);
  const [hovered, setHovered] = useState<number | null>(null);
  const empty = series.every(({ values }) =>
    values.every((value) => value === null || value === 0),
  );

  function saveCsv() {
    const rows = at.map((moment, n) => [moment, ...series.map(({ values }) => values[n] ?? null)]);
    const name = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    download(`${name}.csv`, toCsv(["at", ...series.map((each) => each.label)], rows));
  }

  return (
    <figure className={classes.figure} aria-label={label}>
      <Group justify="space-between" gap="xs" wrap="nowrap" align="start">
        <ul className={classes.legend}>
          {series.map(({ label: name, colour, values }) => (
            <li key={name}>
              <span className={classes.swatch} style={{ background: `var(${colour})` }} />
              {name}
              {hovered !== null && (
                <span className={`tabular ${classes.value}`}>
                  {values[hovered] == null ? "—" : format(values[hovered])}
                </span>
              )}
            </li>
          ))}
          {hovered !== null && at[hovered] !== undefined && (
            <li className={`tabular ${classes.moment}`}>{formatSeconds(at[hovered])}</li>
          )}
        </ul>
        <Group gap={2} wrap="nowrap">
          <Tool
            label={table ? `Show ${label} as chart` : `Show ${label} as table`}
            act={() => setTable(!table)}
          >
            {table ? <IconChartAreaLine size={16} /> : <IconTable size={16} />}
          </Tool>
          <Tool label={`Download ${label} as CSV`} act={saveCsv}>
            <IconDownload size={16} />
          </Tool>
        </Group>
      </Group>
      {table ? (
        <Scroll className={classes.table} style={{ maxHeight: height }} label={label}>
          <Table stickyHeader fz="sm" verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Time</Table.Th>
                {series.map(({ label: name }) => (
                  <Table.Th key={name} ta="right">
                    {name}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {at.map((moment, n) => (
                <Table.Tr key={moment}>
                  <Table.Td className="tabular">{formatSeconds(moment)}</Table.Td>
                  {series.map(({ label: name, values }) => (
                    <Table.Td key={name} ta="right" className="tabular">
                      {values[n] == null ? "—" : format(values[n])}
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scroll>
      ) : (
        <div className={classes.plot}>
          <Plot {...props} format={format} height={height} onHover={setHovered} />
          {empty && (
            <Text c="dimmed" size="sm" className={classes.empty}>
              {props.emptyText ?? "No deliveries in this range"}
            </Text>
          )}
        </div>
      )}
    </figure>
  );
}

function Tool(props: { label: string; act: () => void; children: ReactNode }) {
  return (
    <Tooltip label={props.label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="dimmed"
        aria-label={props.label}
        onClick={props.act}
      >
        {props.children}
      </ActionIcon>
    </Tooltip>
  );
}

interface PlotProps extends Props {
  format: (value: number) => string;
  height: number;
  onHover: (index: number | null) => void;
}

function Plot(props: PlotProps) {
  const { at, series, kind = "lines", format, height, logarithmic, threshold } = props;
  const box = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme();
  // The chart is made anew only when its looks change; what it calls may change at any time.
  const latest = useRef(props);
  latest.current = props;

  const data = useMemo(() => {
    const stacked = kind === "stacked" || kind === "stacked-bars";
    const times = at.map((moment) => Date.parse(moment) / 1000);
    const lines = stacked ? stack(series) : series.map(({ values }) => values);
    // What lies on top is drawn first, so that what lies below covers it.
    return [times, ...(stacked ? lines.toReversed() : lines)] as uPlot.AlignedData;
  }, [at, series, kind]);
  const looks = series.map(({ label, colour }) => `${colour} ${label}`).join("|");

  // biome-ignore lint/correctness/useExhaustiveDependencies: `looks` stands for the series' labels and colours; colours are other ones in the other scheme.
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
    const stacked = kind === "stacked" || kind === "stacked-bars";
    const bars = kind === "bars" || kind === "stacked-bars";
    const shown = stacked ? series.toReversed() : series;
    const axis: uPlot.Axis = {
      stroke: colour("--mantine-color-dimmed"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: colour("--ph-border"), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width: element.clientWidth,
      height,
      legend: { show: false },
      // On the right there is half of the last moment's label.
      padding: [8, 24, 0, 0],
      cursor: {
        y: false,
        points: { show: !bars },
        drag: { x: props.onZoom !== undefined, y: false, setScale: false, dist: DRAG_PX_MIN },
      },
      scales: {
        x: { time: true },
        y: logarithmic
          ? { distr: 3 }
          : {
              range: (_, __, most) => [
                0,
                Math.max(most ?? 0, latest.current.threshold ?? 0) * 1.08 || 1,
              ],
            },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 22, values: momentLabels },
        {
          ...axis,
          size: 52,
          values: (_, splits) => splits.map((n) => (n === null ? "" : format(n))),
        },
      ],
      series: [
        {},
        ...shown.map(({ label, colour: name }) => ({
          label,
          stroke: colour(name),
          fill: stacked || bars ? colour(name) : undefined,
          width: bars ? 0 : stacked ? 1 : 2,
          paths: bars ? uPlot.paths.bars?.({ size: [0.7, 40], gap: 1 }) : undefined,
          // Only where there is no line to see.
          points:
            stacked || bars
              ? { show: false }
              : {
                  show: true,
                  size: 5,
                  filter: (plot: uPlot, n: number) => lonely(plot.data[n] ?? []),
                },
        })),
      ],
      hooks: {
        setCursor: [(plot) => latest.current.onHover(plot.cursor.idx ?? null)],
        setSelect: [
          (plot) => {
            if (plot.select.width < DRAG_PX_MIN) return;
            const moment = (px: number) => new Date(plot.posToVal(px, "x") * 1000).toISOString();
            const { left, width } = plot.select;
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            latest.current.onZoom?.(moment(left), moment(left + width));
          },
        ],
        draw: [
          (plot) => {
            if (threshold === undefined) return;
            const y = plot.valToPos(threshold, "y", true);
            const { left, width } = plot.bbox;
            plot.ctx.save();
            plot.ctx.strokeStyle = colour("--ph-bad");
            plot.ctx.setLineDash([6, 4]);
            plot.ctx.beginPath();
            plot.ctx.moveTo(left, y);
            plot.ctx.lineTo(left + width, y);
            plot.ctx.stroke();
            plot.ctx.restore();
          },
        ],
      },
    };
    const plot = new uPlot(options, data, element);
    chart.current = plot;

    let downAt = 0;
    const down = (event: MouseEvent) => {
      downAt = event.clientX;
    };
    const up = (event: MouseEvent) => {
      const index = plot.cursor.idx;
      if (Math.abs(event.clientX - downAt) < DRAG_PX_MIN && index != null) {
        latest.current.onPick?.(index);
      }
    };
    plot.over.addEventListener("mousedown", down);
    plot.over.addEventListener("mouseup", up);
    plot.over.style.cursor = props.onPick ? "pointer" : "crosshair";
    const sizes = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      plot.destroy();
      chart.current = null;
    };
  }, [looks, kind, height, logarithmic, threshold, scheme]);

  const chart = useRef<uPlot | null>(null);
  useEffect(() => chart.current?.setData(data), [data]);

  return <div ref={box} aria-hidden="true" />;
}

/** Hours and minutes, or days where the axis is of days; midnight shows its date. */
function momentLabels(
  _: uPlot,
  seconds: number[],
  __: number,
  ___: number,
  step: number,
): string[] {
  return seconds.map((each) => {
    const moment = dayjs.unix(each);
    if (step < 60) return moment.format("HH:mm:ss");
    const midnight = moment.hour() === 0 && moment.minute() === 0;
    return moment.format(step >= 86_400 || midnight ? "MMM D" : "HH:mm");
  });
}
