// The search of a list, whose text is in the address: typed at once, looked up a moment later.
import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import classes from "./SearchField.module.css";

interface Props {
  /** "Search webhooks". */
  label: string;
  placeholder: string;
  value: string | undefined;
  onChange: (q: string | undefined) => void;
}

export function SearchField({ label, placeholder, value, onChange }: Props) {
  const [typed, setTyped] = useState(value ?? "");
  const sent = useRef(value);
  const send = useDebouncedCallback((q: string) => {
    sent.current = q || undefined;
    onChange(q || undefined);
  }, 200);
  // The address may change by itself: back, or "Clear filters".
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setTyped(value ?? "");
  }, [value]);

  return (
    <TextInput
      data-search
      type="search"
      aria-label={label}
      placeholder={placeholder}
      leftSection={<IconSearch size={16} />}
      className={classes.search}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        send(event.currentTarget.value.trim());
      }}
    />
  );
}
