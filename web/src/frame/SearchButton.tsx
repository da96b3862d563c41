import { IconSearch } from "@tabler/icons-react";
import classes from "./Frame.module.css";

const apple = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function SearchButton({ onClick }: { onClick: () => void }) {
  return (
    <button type="button" className={classes.searchButton} onClick={onClick}>
      <IconSearch size={16} aria-hidden="true" />
      <span>Search</span>
      <kbd className={classes.kbd}>{apple ? "⌘ K" : "Ctrl K"}</kbd>
    </button>
  );
}
