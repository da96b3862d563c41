// A JSON Schema as people read it: one row a field, nested ones below what they are in.
export interface Field {
  /** "custom_fields.plan", "tags[]". */
  path: string;
  /** How deep it lies, for the indent. */
  depth: number;
  name: string;
  type: string;
  required: boolean;
  /** About a person: name, number, address, what was said. */
  personal: boolean;
  description: string;
  /** "one of a, b", "at least 0", "format uri". */
  rules: string[];
  example: string | null;
}

type Schema = Record<string, unknown>;

const DEPTH_MAX = 6;

export function fieldsOf(schema: unknown): Field[] {
  const fields: Field[] = [];
  collect(schema, "", 0, fields);
  return fields;
}

function collect(schema: unknown, path: string, depth: number, into: Field[]) {
  if (!isSchema(schema) || depth > DEPTH_MAX) return;
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  if (isSchema(schema.properties)) {
    for (const [name, property] of Object.entries(schema.properties)) {
      const own = path === "" ? name : `${path}.${name}`;
      if (!isSchema(property)) continue;
      into.push({
        path: own,
        depth,
        name,
        type: typeOf(property),
        required: required.has(name),
        personal: property["x-personal-data"] === true,
        description: text(property.description),
        rules: rulesOf(property),
        example: exampleOf(property),
      });
      collect(property, own, depth + 1, into);
      // What is in a list is told where the list is, if it has fields of its own.
      collect(property.items, `${own}[]`, depth + 1, into);
    }
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function typeOf(schema: Schema): string {
  const types = [schema.type].flat().filter((type) => typeof type === "string") as string[];
  const named = types.map((type) =>
    type === "array" && isSchema(schema.items) ? `${typeOf(schema.items)}[]` : type,
  );
  if (named.length > 0) return named.join(" | ");
  return Array.isArray(schema.enum) || schema.const !== undefined ? "value" : "any";
}

function rulesOf(schema: Schema): string[] {
  const rules: string[] = [];
  if (Array.isArray(schema.enum)) {
    rules.push(`one of ${schema.enum.map((value) => String(value)).join(", ")}`);
  }
  if (schema.const !== undefined) rules.push(`always ${String(schema.const)}`);
  if (typeof schema.format === "string") rules.push(schema.format);
  const bounds = [
    ["minimum", "at least"],
    ["maximum", "at most"],
    ["minLength", "characters, at least"],
    ["maxLength", "characters, at most"],
    ["minItems", "items, at least"],
    ["maxItems", "items, at most"],
  ] as const;
  for (const [key, words] of bounds) {
    if (typeof schema[key] === "number") rules.push(`${words} ${schema[key]}`);
  }
  if (typeof schema.pattern === "string") rules.push(`matches ${schema.pattern}`);
  return rules;
}

function exampleOf(schema: Schema): string | null {
  const [first] = Array.isArray(schema.examples) ? schema.examples : [];
  if (first === undefined || typeof first === "object") return null;
  return String(first);
}
