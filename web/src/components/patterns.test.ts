import { expect, test } from "vitest";
import type { EventType } from "../api/client";
import { branchTitle, coveredBy, covers, groupsOf, matches, toggled } from "./patterns";

function type(name: string, group: string, more: Partial<EventType> = {}): EventType {
  return {
    name,
    group,
    title: name,
    description: "",
    triggered: null,
    use_cases: [],
    schema: null,
    sample: null,
    deprecated: false,
    built_in: true,
    checked_events: 0,
    invalid_events: 0,
    last_invalid: null,
    counted_since: "2026-11-23T12:00:00.000Z",
    created_at: null,
    updated_at: null,
    ...more,
  };
}

test.each([
  ["*", "call.ended", true],
  ["call.*", "call.ended", true],
  ["call.*", "call.a.b", true],
  ["call.*", "call", false],
  ["call.*", "caller.x", false],
  ["call.ended", "call.ended", true],
  ["call.ended", "call.started", false],
])("%s covers %s: %s", (pattern, name, expected) => expect(covers(pattern, name)).toBe(expected));

test("a branch is offered where it stands for more than one type", () => {
  const groups = groupsOf([
    type("campaign.started", "Campaign"),
    type("campaign.completed", "Campaign"),
    type("lead.generated", "Campaign"),
    type("contact", "Contact"),
    type("contact.delete", "Contact"),
  ]);
  expect(groups.map(({ title, branches }) => [title, branches])).toEqual([
    ["Campaign", ["campaign.*"]],
    ["Contact", []],
  ]);
});

test("a wider pattern takes the place of what it covers", () => {
  expect(toggled(["call.ended", "sms.sent"], "call.*")).toEqual(["sms.sent", "call.*"]);
  expect(toggled(["call.ended", "sms.*"], "*")).toEqual(["*"]);
  expect(toggled(["call.ended"], "call.ended")).toEqual([]);
  expect(toggled(["contact"], "contact.delete")).toEqual(["contact", "contact.delete"]);
  expect(coveredBy(["call.*"], "call.ended")).toBe("call.*");
  expect(coveredBy(["*"], "call.*")).toBe("*");
  expect(coveredBy(["call.ended"], "call.*")).toBeUndefined();
  expect(coveredBy(["*"], "*")).toBeUndefined();
});

test("a search finds types by what they are good for", () => {
  const ended = type("call.ended", "Call", { use_cases: ["CRM updates"] });
  expect(matches(ended, "crm call")).toBe(true);
  expect(matches(ended, "billing")).toBe(false);
  expect([branchTitle("*"), branchTitle("sms.*")]).toEqual(["All events", "All SMS events"]);
});
