// Where an attempt's time went: one bar, and the same in words.
import type { Attempt } from "../../api/client";
import { formatDuration } from "../../format";
import { steps } from "./lifecycle";
import classes from "./TimingsBar.module.css";

export function TimingsBar({ attempt }: { attempt: Attempt }) {
  const all = steps(attempt);
  const sum = all.reduce((total, { ms }) => total + ms, 0);
  return (
    <div>
      <div className={classes.bar} aria-hidden="true">
        {all.map(({ key, ms }) => (
          // A step that took nothing measurable stays visible as a sliver.
          <span key={key} data-step={key} style={{ flexGrow: Math.max(ms, sum / 100, 0.01) }} />
        ))}
      </div>
      <dl className={classes.steps}>
        {all.map(({ key, label, ms }) => (
          <div key={key}>
            <dt>
              <span className={classes.swatch} data-step={key} aria-hidden="true" />
              {label}
            </dt>
            <dd className="tabular">{ms === 0 ? "<1 ms" : formatDuration(ms)}</dd>
          </div>
        ))}
        <div className={classes.total}>
          <dt>In all</dt>
          <dd className="tabular">{formatDuration(attempt.duration_ms)}</dd>
        </div>
      </dl>
    </div>
  );
}
