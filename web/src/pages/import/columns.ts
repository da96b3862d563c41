// Which column of a file goes to which field.
import { CUSTOM, fieldLabel, textFields } from "../contact/fields";

/** The choice of a column that is not imported. */
export const LEFT_OUT = "";

const known = ["phone_number", ...textFields, "tags", "consent", "dnd"];

/** What a column may go to: a contact's fields, a field of its own, or nothing. */
export function fieldChoices(heading: string, chosen: string | null) {
  const custom = new Set([customName(heading)]);
  if (chosen?.startsWith(CUSTOM)) custom.add(chosen);
  return [
    { group: "Not imported", items: [{ value: LEFT_OUT, label: "Leave out" }] },
    {
      group: "Custom field",
      items: [...custom].map((value) => ({ value, label: `Custom field “${fieldLabel(value)}”` })),
    },
    {
      group: "Contact",
      items: [...new Set(chosen === null || custom.has(chosen) ? known : [...known, chosen])].map(
        (value) => ({ value, label: fieldLabel(value) }),
      ),
    },
  ];
}

/** As the server suggests it: under the heading's own name. */
export function customName(heading: string): string {
  return `${CUSTOM}${heading.trim() || "column"}`;
}

/** With one column's field changed; a field is in one column only, so that it leaves another. */
export function withColumn(
  columns: readonly (string | null)[],
  column: number,
  field: string | null,
): (string | null)[] {
  return columns.map((before, n) =>
    n === column ? field : field !== null && before === field ? null : before,
  );
}
