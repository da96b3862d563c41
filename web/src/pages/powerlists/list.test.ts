import { expect, test } from "vitest";
import type { Powerlist } from "../../api/client";
import { shown } from "./list";

function list(name: string, contacts: number, created: number): Powerlist {
  const at = `2025-01-10T00:00:0${created}Z`;
  return {
    id: `pl_${created}`,
    name,
    description: `of ${name}`,
    default_country: "US",
    contacts,
    created_at: at,
    updated_at: at,
  };
}

const lists = [list("Spring 10", 3, 1), list("autumn", 9, 3), list("spring 9", 3, 2)];
const names = (search: Parameters<typeof shown>[1]) => shown(lists, search).map(({ name }) => name);

test("the newest is first, names sort as people count", () => {
  expect(names({})).toEqual(["autumn", "spring 9", "Spring 10"]);
  expect(names({ sort: "name" })).toEqual(["autumn", "spring 9", "Spring 10"]);
  expect(names({ sort: "contacts" })).toEqual(["autumn", "spring 9", "Spring 10"]);
});

test("all words have to be there", () => {
  expect(names({ q: "9 SPRING" })).toEqual(["spring 9"]);
  expect(names({ q: "winter" })).toEqual([]);
});
