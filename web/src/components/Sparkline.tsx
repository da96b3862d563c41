// A trend in the height of a line of text.
interface Props {
  values: number[];
  /** The trend in words: "Hits in the last 24 hours, 1,247 in all". */
  label: string;
  /** A CSS colour. */
  colour?: string;
  width?: number;
  height?: number;
}

export function Sparkline(props: Props) {
  const { values, label, colour = "var(--ph-chart-3)", width = 96, height = 24 } = props;
  const most = Math.max(1, ...values);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const points = values.map((value, n) => {
    const y = height - 1.5 - (value / most) * (height - 3);
    return `${(n * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      <polygon
        points={`0,${height} ${points.join(" ")} ${width},${height}`}
        fill={colour}
        opacity={0.14}
      />
      <polyline
        points={points.join(" ")}
        fill="none"
        stroke={colour}
        strokeWidth={1.5}
        strokeLinejoin="round"
      />
    </svg>
  );
}
