// The left side: places by group, and at the foot the docs, the version and the server's health.
import { Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { healthQuery, serverQuery } from "../api/queries";
import { useMay } from "../api/session";
import classes from "./Frame.module.css";
import { navigation, type PlaceGroup } from "./places";

/** The places that this person has on this server. */
export function usePlaces(): PlaceGroup[] {
  const manage = useMay("manage");
  const inbox = useQuery(serverQuery).data?.inbox ?? false;
  return navigation.map((group) => ({
    ...group,
    places: group.places.filter(
      (place) => (place.needs !== "manage" || manage) && (!place.inbox || inbox),
    ),
  }));
}

export function Navigation({ onShortcuts }: { onShortcuts: () => void }) {
  return (
    <div className={classes.navigation}>
      {usePlaces().map(({ title, places }) => (
        <div key={title} className={classes.group}>
          <div className={classes.groupTitle} id={`nav-${title}`}>
            {title}
          </div>
          <ul className={classes.places} aria-labelledby={`nav-${title}`}>
            {places.map(({ label, to, icon: Shape, exact }) => (
              <li key={label}>
                <Link
                  to={to}
                  className={classes.place}
                  activeOptions={{ exact: exact ?? false, includeSearch: false }}
                >
                  <Shape size={18} stroke={1.6} aria-hidden="true" />
                  {label}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <div className={classes.foot}>
        <a href="/docs" target="_blank" rel="noreferrer">
          API docs
        </a>
        <button type="button" onClick={onShortcuts}>
          Shortcuts
        </button>
        <Health />
      </div>
    </div>
  );
}

function Health() {
  const { data, error } = useQuery(healthQuery);
  const health = error !== null ? "bad" : data === undefined ? "unknown" : "ok";
  const words = { ok: "The server is up", bad: "The server does not answer", unknown: "…" }[health];
  return (
    <Tooltip label={words}>
      <span className={classes.health} role="status">
        <span className={classes.dot} data-health={health} aria-hidden="true" />
        <span className="visually-hidden">{words}</span>
        {data && `v${data.version}`}
      </span>
    </Tooltip>
  );
}
