// Where an attempt's time went: one bar, and the same in words.
import type { Attempt } from "../../api/client";
import { formatTook, steps } from "./lifecycle";
import classes from "./TimingsBar.module.css";

export function TimingsBar({ attempt }: { attempt: Attempt }) {
  const all = steps(attempt);
  const sum = all.reduce((total, { ms }) => total + ms, 0);
  // A step that took nothing measurable stays visible as a sliver; and where all took nothing,
  // they share the bar.
  const least = sum === 0 ? 1 : sum / 100;
  return (
    <div>
      <div className={classes.bar} aria-hidden="true">
        {all.map(({ key, ms }) => (
          <span key={key} data-step={key} style={{ flexGrow: Math.max(ms, least) }} />
        ))}
      </div>
      <dl className={classes.steps}>
        {all.map(({ key, label, ms }) => (
          <div key={key}>
            <dt>
              <span className={classes.swatch} data-step={key} aria-hidden="true" />
              {label}
            </dt>
            <dd className="tabular">{formatTook(ms)}</dd>
          </div>
        ))}
        <div className={classes.total}>
          <dt>In all</dt>
          <dd className="tabular">{formatTook(attempt.duration_ms)}</dd>
        </div>
      </dl>
    </div>
  );
}
