// The arithmetic of charts: stacking, and the same numbers as a table.
export interface Series {
  label: string;
  /** One for each moment; null where there is nothing to show. */
  values: (number | null)[];
  /** A CSS variable: `--ph-chart-1` … `--ph-chart-6`, or one of the tones. */
  colour: string;
}

/** Each series on top of the ones before it. */
export function stack(series: Series[]): (number | null)[][] {
  const sums: number[] = [];
  return series.map(({ values }) =>
    values.map((value, n) => {
      const sum = (sums[n] ?? 0) + (value ?? 0);
      sums[n] = sum;
      return sum;
    }),
  );
}

/** Where a value has none beside it: a line would not show it. */
export function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const has = (n: number) => values[n] !== null && values[n] !== undefined;
  return Array.from(values, (_, n) => n).filter((n) => has(n) && !has(n - 1) && !has(n + 1));
}

/** Comma-separated values as RFC 4180 has them. */
export function toCsv(header: string[], rows: (string | number | null)[][]): string {
  return [header, ...rows].map((row) => row.map(csvField).join(",")).join("\r\n");
}

function csvField(value: string | number | null): string {
  const text = value === null ? "" : String(value);
  // A leading sign makes some spreadsheets read text as a formula.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Hands a text to the browser as a file to keep. */
export function download(name: string, text: string, type = "text/csv") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
