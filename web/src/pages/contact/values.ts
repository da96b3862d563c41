// The form's fields, and how they become what is sent and back. What is valid is for the server to
// say.
import { ApiProblem, type Contact } from "../../api/client";
import type { ContactChange } from "../../api/contacts";
import { type TextField, textFields, written } from "./fields";

export interface CustomRow {
  name: string;
  value: string;
  /** It is no text but a number, a list or the like, written as JSON. */
  json: boolean;
}

export type Answer = "unknown" | "yes" | "no";

export type Values = Record<TextField, string> & {
  phone_number: string;
  tags: string[];
  consent: Answer;
  dnd: Answer;
  custom: CustomRow[];
};

export function blank(): Values {
  const texts = Object.fromEntries(textFields.map((field) => [field, ""]));
  return {
    ...(texts as Record<TextField, string>),
    phone_number: "",
    tags: [],
    consent: "unknown",
    dnd: "unknown",
    custom: [],
  };
}

export function valuesOf(contact: Contact): Values {
  const values = blank();
  for (const field of textFields) values[field] = contact[field] ?? "";
  return {
    ...values,
    phone_number: contact.phone_number,
    tags: contact.tags,
    consent: answerOf(contact.consent),
    dnd: answerOf(contact.dnd),
    custom: Object.entries(contact.custom_fields).map(([name, value]) => ({
      name,
      value: written(value),
      json: typeof value !== "string",
    })),
  };
}

function answerOf(value: boolean | null): Answer {
  return value === null ? "unknown" : value ? "yes" : "no";
}

function flagOf(answer: Answer): boolean | null {
  return answer === "unknown" ? null : answer === "yes";
}

type Errors = Record<string, string>;

/** What is sent to make it, or what cannot be sent. */
export function read(values: Values): { contact: ContactChange } | { errors: Errors } {
  const errors: Errors = {};
  const custom: Record<string, unknown> = {};
  values.custom.forEach(({ name, value, json }, n) => {
    const key = name.trim();
    if (key === "" && value === "") return;
    if (key === "") errors[`custom.${n}.name`] = "give the field a name";
    else if (Object.hasOwn(custom, key)) errors[`custom.${n}.name`] = "is there twice";
    let read: unknown = value;
    if (json) {
      try {
        read = JSON.parse(value);
      } catch {
        errors[`custom.${n}.value`] = "is no JSON; quote it to make it text";
      }
    }
    // Not by assignment: `__proto__` is a name like any other.
    Object.defineProperty(custom, key, { value: read, enumerable: true, configurable: true });
  });
  if (Object.keys(errors).length > 0) return { errors };
  const contact: ContactChange = {
    phone_number: values.phone_number.trim(),
    tags: values.tags,
    consent: flagOf(values.consent),
    dnd: flagOf(values.dnd),
    custom_fields: custom,
  };
  for (const field of textFields) contact[field] = values[field].trim() || null;
  return { contact };
}

/** Without what says nothing, for a contact that is new. */
export function created(contact: ContactChange): ContactChange {
  return Object.fromEntries(
    Object.entries(contact).filter(
      ([, value]) =>
        value !== null &&
        !(Array.isArray(value) && value.length === 0) &&
        !(typeof value === "object" && Object.keys(value).length === 0),
    ),
  );
}

/** Only what differs, so that a change by a webhook in between stays. */
export function changed(contact: ContactChange, before: Contact): ContactChange {
  const change: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(contact)) {
    if (name !== "custom_fields" && !same(value, before[name as keyof Contact])) {
      change[name] = value;
    }
  }
  const custom = contact.custom_fields as Record<string, unknown>;
  const differing = Object.entries(custom).filter(
    ([name, value]) =>
      !Object.hasOwn(before.custom_fields, name) || !same(value, before.custom_fields[name]),
  );
  const gone = Object.keys(before.custom_fields)
    .filter((name) => !Object.hasOwn(custom, name))
    .map((name) => [name, null] as const);
  if (differing.length + gone.length > 0) {
    change.custom_fields = Object.fromEntries([...differing, ...gone]);
  }
  return change;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A problem's messages by the form's fields; `rest` are those that belong to none. */
export function placed(problem: unknown, values: Values): { errors: Errors; rest: string[] } {
  const errors: Errors = {};
  const rest: string[] = [];
  if (!(problem instanceof ApiProblem)) return { errors, rest };
  for (const [pointer, message] of problem.fields) {
    const [, member = "", part = ""] = pointer
      .split("/")
      .map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
    const row = values.custom.findIndex(({ name }) => name.trim() === part);
    if (member === "custom_fields" && row >= 0) errors[`custom.${row}.value`] = message;
    else if (member !== "custom" && Object.hasOwn(values, member)) errors[member] ??= message;
    else rest.push(member === "" ? message : `${pointer}: ${message}`);
  }
  return { errors, rest };
}
