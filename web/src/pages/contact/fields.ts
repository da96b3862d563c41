// The fields of a contact: what they are called on the wire and to people.
import type { Contact } from "../../api/client";

export type TextField =
  | "email"
  | "first_name"
  | "last_name"
  | "address"
  | "city"
  | "state"
  | "postal_code"
  | "country"
  | "timezone"
  | "disposition";

export const textFields: readonly TextField[] = [
  "first_name",
  "last_name",
  "email",
  "address",
  "city",
  "state",
  "postal_code",
  "country",
  "timezone",
  "disposition",
];

const labels: Record<string, string> = {
  phone_number: "Phone number",
  first_name: "First name",
  last_name: "Last name",
  full_name: "Full name",
  email: "E-mail",
  address: "Address",
  city: "City",
  state: "State",
  postal_code: "Postal code",
  country: "Country",
  timezone: "Time zone",
  disposition: "Disposition",
  tags: "Tags",
  consent: "Consent",
  dnd: "Do not disturb",
  contact_id: "Contact id",
  powerlist_id: "Powerlist id",
};

export const CUSTOM = "custom_fields.";

/** "first_name" → "First name"; a custom field's own name as it is. */
export function fieldLabel(field: string): string {
  if (field.startsWith(CUSTOM)) return field.slice(CUSTOM.length);
  return labels[field] ?? field;
}

/** "Maria Lopez", or null where no part of a name is known. */
export function nameOf({
  first_name,
  last_name,
}: Partial<Pick<Contact, "first_name" | "last_name">>): string | null {
  return [first_name, last_name].filter(Boolean).join(" ") || null;
}

/** A custom field's value in one line: text as it is, all else as JSON. */
export function written(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
