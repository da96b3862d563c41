// Which powerlists the page shows, and in what order. All of them have been read.
import type { Powerlist } from "../../api/client";
import type { Sort } from "../../components/DataTable";

export type SortKey = "name" | "contacts" | "created_at";

export interface ListSearch {
  q?: string;
  sort?: SortKey;
  order?: Sort["order"];
}

export function sortOf({ sort, order }: ListSearch): Sort & { key: SortKey } {
  return {
    key: sort ?? "created_at",
    order: order ?? (sort === "name" ? "ascending" : "descending"),
  };
}

export function shown(powerlists: readonly Powerlist[], search: ListSearch): Powerlist[] {
  const words = (search.q ?? "").toLowerCase().split(/\s+/);
  const { key, order } = sortOf(search);
  return powerlists
    .filter(({ id, name, description }) => {
      const all = `${name}\n${description}\n${id}`.toLowerCase();
      return words.every((word) => all.includes(word));
    })
    .sort((a, b) => (order === "ascending" ? 1 : -1) * compare(a, b, key));
}

function compare(a: Powerlist, b: Powerlist, key: SortKey): number {
  if (key === "contacts") return a.contacts - b.contacts || a.name.localeCompare(b.name, "en");
  return a[key].localeCompare(b[key], "en", { numeric: true, sensitivity: "base" });
}
