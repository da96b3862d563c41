// What a server's settings are called: the same setting is a flag, a variable of the environment,
// and a line of posthaste.toml.

export interface SettingNames {
  flag: string;
  variable: string;
  toml: string;
}

/** Names by the one in posthaste.toml: `retention_days`. */
export function settingNames(toml: string): SettingNames {
  return {
    flag: `--${toml.replaceAll("_", "-")}`,
    variable: `POSTHASTE_${toml.toUpperCase()}`,
    toml,
  };
}

/** [0, 30, 120] → "at once, then after 30 s, 2 min". */
export function scheduleText(
  delays_s: readonly number[],
  duration: (ms: number) => string,
): string {
  const [first, ...rest] = delays_s;
  if (first === undefined) return "none";
  const begin = first === 0 ? "at once" : `after ${duration(first * 1_000)}`;
  if (rest.length === 0) return begin;
  return `${begin}, then after ${rest.map((s) => duration(s * 1_000)).join(", ")}`;
}
