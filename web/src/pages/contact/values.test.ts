import { expect, test } from "vitest";
import { ApiProblem, type Contact } from "../../api/client";
import { blank, changed, created, placed, read, type Values, valuesOf } from "./values";

const contact: Contact = {
  id: "ct_1",
  powerlist_id: "pl_1",
  phone_number: "+12025550187",
  email: "maria@example.com",
  first_name: "Maria",
  last_name: null,
  address: null,
  city: null,
  country: null,
  state: null,
  postal_code: null,
  timezone: null,
  disposition: null,
  tags: ["new"],
  consent: true,
  dnd: null,
  custom_fields: { note: "7", lead_score: 85, list: [1, 2] },
  source: "api",
  created_at: "2025-01-10T00:00:00Z",
  updated_at: "2025-01-10T00:00:00Z",
};

function sent(values: Values) {
  const got = read(values);
  if ("errors" in got) throw new Error(JSON.stringify(got.errors));
  return got.contact;
}

test("a contact that nobody touched changes nothing", () => {
  expect(changed(sent(valuesOf(contact)), contact)).toEqual({});
});

test("only what differs is sent; a blank takes away", () => {
  const values = valuesOf(contact);
  values.email = " ";
  values.city = " Bonn ";
  values.consent = "unknown";
  values.custom = [
    { name: "note", value: "7", json: false },
    { name: "lead_score", value: "90", json: true },
    { name: "next", value: "8", json: false },
  ];
  expect(changed(sent(values), contact)).toEqual({
    email: null,
    city: "Bonn",
    consent: null,
    custom_fields: { lead_score: 90, next: "8", list: null },
  });
});

test("a new contact has only what is known", () => {
  expect(created(sent({ ...blank(), phone_number: " 202 555 0187 ", dnd: "no" }))).toEqual({
    phone_number: "202 555 0187",
    dnd: false,
  });
});

test("says what cannot be sent, at its row", () => {
  const custom = [
    { name: "a", value: "{", json: true },
    { name: "a", value: "1", json: false },
    { name: "", value: "1", json: false },
    { name: "", value: "", json: false },
  ];
  const got = read({ ...blank(), custom });
  expect("errors" in got && Object.keys(got.errors).sort()).toEqual([
    "custom.0.value",
    "custom.1.name",
    "custom.2.name",
  ]);
});

test("a field may be called like what objects have", () => {
  const values = { ...blank(), custom: [{ name: "__proto__", value: "x", json: false }] };
  expect(JSON.stringify(sent(values).custom_fields)).toBe('{"__proto__":"x"}');
});

test("what the server objects to is shown at its field", async () => {
  const body = {
    errors: [
      { pointer: "/email", message: "is no address" },
      { pointer: "/custom_fields/lead_score", message: "too long" },
      { pointer: "/elsewhere", message: "unknown" },
    ],
  };
  const problem = await ApiProblem.of(new Response(JSON.stringify(body), { status: 422 }));
  expect(placed(problem, valuesOf(contact))).toEqual({
    errors: { email: "is no address", "custom.1.value": "too long" },
    rest: ["/elsewhere: unknown"],
  });
});
