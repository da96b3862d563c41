// Which event types a webhook's patterns choose: `*` all, `call.*` whatever is below `call`, or one
// type by its name. The same rules as the server's.
import type { EventType } from "../api/client";

export function covers(pattern: string, name: string): boolean {
  if (pattern === "*" || pattern === name) return true;
  return pattern.endsWith(".*") && name.startsWith(pattern.slice(0, -1));
}

export interface PatternGroup {
  title: string;
  /** Branches with more than one type in this group: "call.*". */
  branches: string[];
  types: EventType[];
}

/** The catalogue as it is chosen from, in the server's order; types no longer wanted come last. */
export function groupsOf(types: EventType[]): PatternGroup[] {
  const groups = new Map<string, PatternGroup>();
  for (const type of types) {
    const group = groups.get(type.group) ?? { title: type.group, branches: [], types: [] };
    group.types.push(type);
    groups.set(type.group, group);
  }
  for (const group of groups.values()) {
    group.types.sort((a, b) => Number(a.deprecated) - Number(b.deprecated));
    const prefixes = group.types.map(({ name }) => name.split(".")[0] as string);
    group.branches = [...new Set(prefixes)]
      .map((prefix) => `${prefix}.*`)
      .filter((branch) => group.types.filter(({ name }) => covers(branch, name)).length > 1);
  }
  return [...groups.values()];
}

/** Chooses a pattern or takes it back. What a wider pattern covers is not named beside it. */
export function toggled(chosen: readonly string[], pattern: string): string[] {
  if (chosen.includes(pattern)) return chosen.filter((each) => each !== pattern);
  if (pattern === "*") return ["*"];
  return [...chosen.filter((each) => !covers(pattern, each.replace(/\.\*$/, ".x"))), pattern];
}

/** The wider pattern because of which a pattern need not be chosen. */
export function coveredBy(chosen: readonly string[], pattern: string): string | undefined {
  const sample = pattern.replace(/\.\*$/, ".x");
  if (pattern === "*") return undefined;
  return chosen.find((each) => each !== pattern && covers(each, sample));
}

/** What all of the words are in: name, title, group, when it occurs, use cases. */
export function matches(type: EventType, search: string): boolean {
  const all = [
    type.name,
    type.title,
    type.group,
    type.triggered,
    type.description,
    ...type.use_cases,
  ]
    .join(" ")
    .toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** "All call events". */
export function branchTitle(pattern: string): string {
  if (pattern === "*") return "All events";
  const branch = pattern.slice(0, -2);
  return `All ${branch === "sms" ? "SMS" : branch} events`;
}
