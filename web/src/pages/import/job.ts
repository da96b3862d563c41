// How far an import is, in numbers and words. Nothing here reads the clock.
import type { Job } from "../../api/client";
import { isOver } from "../../api/contacts";
import { formatCount, formatDuration } from "../../format";

/** Of checking the file, what is left is the import itself. */
const CHECKING_SHARE = 0.1;

/** 0 to 1. The file is read through once before anything is changed; that is the first tenth. */
export function shareDone({ state, progress, file_bytes }: Job): number {
  if (state === "done") return 1;
  const { rows, rows_done, bytes_done } = progress;
  const read = file_bytes === 0 ? 0 : Math.min(1, bytes_done / file_bytes);
  if (state === "waiting") return 0;
  if (state === "checking") return read * CHECKING_SHARE;
  const imported = rows === null || rows === 0 ? read : Math.min(1, rows_done / rows);
  return CHECKING_SHARE + imported * (1 - CHECKING_SHARE);
}

/** "1,200 of 4,000 rows · 900 rows/s · 4 s left". */
export function progressWords(job: Job): string {
  const { rows, rows_done } = job.progress;
  switch (job.state) {
    case "waiting":
      return "Waits for its turn";
    case "checking":
      return "The file is read through; nothing is changed before that is done";
    default: {
      const parts = [
        rows === null
          ? `${formatCount(rows_done)} rows`
          : `${formatCount(rows_done)} of ${rowsWord(rows)}`,
      ];
      if (isOver(job)) return parts.join("");
      if (job.rows_per_s !== null) {
        parts.push(`${formatCount(Math.round(job.rows_per_s))} rows/s`);
        if (rows !== null && job.rows_per_s > 0) {
          const left_s = Math.max(1, Math.ceil((rows - rows_done) / job.rows_per_s));
          parts.push(`${formatDuration(left_s * 1_000)} left`);
        }
      }
      return parts.join(" · ");
    }
  }
}

function rowsWord(rows: number): string {
  return rows === 1 ? "1 row" : `${formatCount(rows)} rows`;
}

/** "Imported 4,000 rows in 3.2 s, 1,250 rows/s". */
export function summary(job: Job): string {
  const rows = rowsWord(job.progress.rows_done);
  if (job.started_at === null || job.ended_at === null) return rows;
  const ms = Date.parse(job.ended_at) - Date.parse(job.started_at);
  const speed =
    ms > 0 ? `, ${formatCount(Math.round((job.progress.rows_done / ms) * 1_000))} rows/s` : "";
  return `${rows} in ${formatDuration(ms)}${speed}`;
}
