// A retry schedule as people write it ("0 s, 30 s, 2 min") and as a sentence.
import { formatDuration } from "../../format";

const UNIT_S: Record<string, number> = { s: 1, min: 60, h: 3_600, d: 86_400 };
const ALIASES: Record<string, string> = {
  "": "s",
  sec: "s",
  second: "s",
  seconds: "s",
  m: "min",
  minute: "min",
  minutes: "min",
  hour: "h",
  hours: "h",
  day: "d",
  days: "d",
};

export interface Preset {
  label: string;
  delays_s: number[];
}

export const standardDelays = [0, 30, 120, 480, 1920];

export const presets: Preset[] = [
  { label: "Standard", delays_s: standardDelays },
  { label: "Quick", delays_s: [0, 5, 15, 60] },
  { label: "Patient", delays_s: [0, 30, 300, 1_800, 7_200, 21_600, 43_200, 86_400] },
  { label: "No retries", delays_s: [0] },
];

/** "0 s, 30 s, 2 min"; null for what is no list of delays. A number alone is in seconds. */
export function parseSchedule(text: string): number[] | null {
  const delays: number[] = [];
  for (const part of text.split(/[,;]/).map((each) => each.trim())) {
    if (part === "") continue;
    let sum = 0;
    // "1 min 30 s" is one delay.
    const terms = [...part.matchAll(/(\d+)\s*([a-z]*)\s*/gi)];
    if (terms.map(([term]) => term).join("") !== part || terms.length === 0) return null;
    for (const [, digits, word] of terms) {
      const unit = (word as string).toLowerCase();
      const seconds = UNIT_S[ALIASES[unit] ?? unit];
      if (seconds === undefined) return null;
      sum += Number(digits) * seconds;
    }
    delays.push(sum);
  }
  return delays.length === 0 ? null : delays;
}

/** Exact, unlike a duration elsewhere: what is written has to be read back as the same. */
export function writeDelay(seconds: number): string {
  if (seconds === 0) return "0 s";
  const parts: string[] = [];
  let rest = seconds;
  for (const unit of ["d", "h", "min", "s"]) {
    const size = UNIT_S[unit] as number;
    const n = Math.floor(rest / size);
    if (n > 0) parts.push(`${n} ${unit}`);
    rest -= n * size;
  }
  return parts.join(" ");
}

export function writeSchedule(delays: readonly number[]): string {
  return delays.map(writeDelay).join(", ");
}

/** "5 attempts: at once, then 30 s, 2 min, 8 min and 32 min after the one before. …" */
export function scheduleSentence(delays: readonly number[]): string {
  const [first = 0, ...later] = delays;
  const start = first === 0 ? "at once" : `after ${writeDelay(first)}`;
  if (later.length === 0) return `One attempt, ${start}. If it fails, the delivery has failed.`;
  const waits = later.map(writeDelay);
  const last = waits.pop();
  const list = waits.length === 0 ? last : `${waits.join(", ")} and ${last}`;
  const total = delays.reduce((sum, delay) => sum + delay, 0);
  return (
    `${delays.length} attempts: ${start}, then ${list} after the one before. ` +
    `A delivery that fails every time has failed after about ${formatDuration(total * 1_000)}.`
  );
}
