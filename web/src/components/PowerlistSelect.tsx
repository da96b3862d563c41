// Chooses a powerlist, or makes one on the spot.
import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { powerlistsQuery } from "../api/contacts";
import { useMay } from "../api/session";
import { CreatePowerlist } from "../pages/powerlists/CreatePowerlist";

/** No id is like it. */
const CREATE = "create";

interface Props {
  label: string;
  description?: ReactNode;
  placeholder: string;
  required?: boolean;
  /** "" where none is chosen. */
  value: string;
  onChange: (id: string) => void;
  error?: ReactNode;
}

export function PowerlistSelect(props: Props) {
  const { label, description, placeholder, required, value, onChange, error } = props;
  const { data } = useQuery(powerlistsQuery);
  const mayWrite = useMay("write");
  const [search, setSearch] = useState("");
  const [creating, setCreating] = useState<string | null>(null);
  const lists = data?.powerlists ?? [];
  const options = lists.map(({ id, name }) => ({ value: id, label: name }));
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
        clearable={!required}
        clearButtonProps={{ "aria-label": "Choose no list" }}
        allowDeselect={false}
        nothingFoundMessage="No such list"
        searchValue={search}
        onSearchChange={setSearch}
        value={value === "" ? null : value}
        onChange={(to) => {
          if (to !== CREATE) return onChange(to ?? "");
          const known = lists.some(({ name }) => name === search);
          setCreating(known || search.startsWith("Create a new list") ? "" : search.trim());
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
