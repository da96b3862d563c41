// Chooses a powerlist, or makes one on the spot.
import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { powerlistsQuery } from "../api/contacts";
import { useMay } from "../api/session";
import { CreatePowerlist } from "../pages/powerlists/CreatePowerlist";

/** No id is like it. */
const CREATE = "create";
const NONE = "none";

interface Props {
  label: string;
  description?: ReactNode;
  placeholder: string;
  /** What it is called to choose none; without, one has to be chosen. */
  none?: string;
  required?: boolean;
  /** "" where none is chosen. */
  value: string;
  onChange: (id: string) => void;
  error?: ReactNode;
}

export function PowerlistSelect(props: Props) {
  const { label, description, placeholder, none, required, value, onChange, error } = props;
  const { data } = useQuery(powerlistsQuery);
  const mayWrite = useMay("write");
  const [search, setSearch] = useState("");
  const [creating, setCreating] = useState<string | null>(null);
  const lists = data?.powerlists ?? [];
  const options = none === undefined ? [] : [{ value: NONE, label: none }];
  options.push(...lists.map(({ id, name }) => ({ value: id, label: name })));
  // One that is gone, or not among those read, is still what is set.
  if (value !== "" && !lists.some(({ id }) => id === value)) {
    options.push({ value, label: value });
  }
  return (
    <>
      <Select
        label={label}
        description={description}
        placeholder={placeholder}
        required={required}
        error={error}
        data={mayWrite ? [...options, { value: CREATE, label: "Create a new list…" }] : options}
        // The way to a new list stays in sight, whatever is looked for.
        filter={({ options: all, search: text }) =>
          all.filter(
            (option) =>
              "value" in option &&
              (option.value === CREATE ||
                option.label.toLowerCase().includes(text.trim().toLowerCase())),
          )
        }
        searchable
        allowDeselect={false}
        nothingFoundMessage="No such list"
        searchValue={search}
        onSearchChange={setSearch}
        value={value !== "" ? value : none === undefined ? null : NONE}
        onChange={(to) => {
          if (to !== CREATE) return onChange(to === NONE ? "" : (to ?? ""));
          const known = lists.some(({ name }) => name === search);
          const own = [none, "Create a new list…"].includes(search);
          setCreating(known || own ? "" : search.trim());
        }}
      />
      {creating !== null && (
        <CreatePowerlist
          name={creating}
          onClose={() => {
            setCreating(null);
            setSearch(lists.find(({ id }) => id === value)?.name ?? "");
          }}
          onCreated={({ id }) => {
            setCreating(null);
            onChange(id);
          }}
        />
      )}
    </>
  );
}
