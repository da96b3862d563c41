// Which name in a request holds which field, as it is edited.
import type { MappingPreview } from "../../api/client";
import { CUSTOM } from "../contact/fields";

export type Mapping = Record<string, string>;

/** Takes the path for the field; null: looked for under its own name and its usual spellings. */
export function withPath(mapping: Mapping, field: string, path: string | null): Mapping {
  const { [field]: _, ...others } = mapping;
  return path === null || path === "" ? others : { ...others, [field]: path };
}

export function sameMapping(a: Mapping, b: Mapping): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** The custom fields that the mapping names; others come by themselves. */
export function customFields(mapping: Mapping): string[] {
  return Object.keys(mapping).filter((field) => field.startsWith(CUSTOM));
}

/** Paths to choose from: those of the request, and those that are set but not in it. */
export function pathChoices(preview: MappingPreview | undefined, chosen: string | undefined) {
  const choices = (preview?.values ?? []).map(({ path, sample }) => ({
    value: path,
    label: path,
    sample,
  }));
  if (chosen !== undefined && !choices.some(({ value }) => value === chosen)) {
    choices.push({ value: chosen, label: chosen, sample: "not in this request" });
  }
  return choices;
}
