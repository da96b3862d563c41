// A delivery's life from top to bottom; its attempts can be chosen.
import {
  type Icon,
  IconBan,
  IconCheck,
  IconClock,
  IconClockPause,
  IconInbox,
  IconX,
} from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import type { Attempt, DeliveryDetail, OutboundWebhook } from "../../api/client";
import { statusWord } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatDuration } from "../../format";
import type { Tone } from "../../theme";
import { Countdown } from "../deliveries/DeliveryState";
import { causeOf } from "./cause";
import { fold, formatTook, lifecycle, type Moment } from "./lifecycle";
import classes from "./Timeline.module.css";

interface Props {
  delivery: DeliveryDetail;
  webhook: OutboundWebhook | undefined;
  /** The number of the attempt that is shown. */
  chosen: number | undefined;
  onChoose: (number: number) => void;
}

export function Timeline({ delivery, webhook, chosen, onChoose }: Props) {
  const [whole, setWhole] = useState(false);
  const all = lifecycle(delivery);
  const short = fold(all);
  const { moments, at, folded } =
    whole || !has(short.moments, chosen) ? { moments: all, at: -1, folded: 0 } : short;
  return (
    <ol className={classes.line} aria-label="What happened">
      {moments.map((moment, n) => {
        const { tone, icon: Shape, title, text } = describe(moment, delivery, webhook);
        const inside = (
          <>
            <span className={classes.title}>{title}</span>
            <span className={classes.text}>{text}</span>
          </>
        );
        const number = moment.kind === "attempt" ? moment.attempt.number : undefined;
        return (
          <li key={`${moment.kind}-${number ?? ""}`} className={classes.moment}>
            {n === at && (
              <button type="button" className={classes.folded} onClick={() => setWhole(true)}>
                Show {folded} attempts in between
              </button>
            )}
            {moment.kind === "attempt" && moment.waited_ms >= 1_000 && (
              <span className={classes.wait}>waited {formatDuration(moment.waited_ms)}</span>
            )}
            <div className={classes.row}>
              <span className={classes.icon} data-tone={tone} aria-hidden="true">
                <Shape size={13} stroke={2.4} />
              </span>
              {number === undefined ? (
                <div className={classes.body}>{inside}</div>
              ) : (
                <button
                  type="button"
                  className={classes.body}
                  aria-pressed={number === chosen}
                  onClick={() => onChoose(number)}
                >
                  {inside}
                </button>
              )}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function has(moments: Moment[], number: number | undefined): boolean {
  return (
    number === undefined ||
    moments.some((moment) => moment.kind === "attempt" && moment.attempt.number === number)
  );
}

interface Description {
  tone: Tone;
  icon: Icon;
  title: string;
  text: ReactNode;
}

function describe(
  moment: Moment,
  delivery: DeliveryDetail,
  webhook: OutboundWebhook | undefined,
): Description {
  switch (moment.kind) {
    case "accepted":
      return {
        tone: "neutral",
        icon: IconInbox,
        title: delivery.trigger === "test" ? "Test event accepted" : "Event accepted",
        text: <TimeText at={moment.at} as="seconds" />,
      };
    case "attempt":
      return describeAttempt(moment.attempt);
    case "next":
      return {
        tone: "warn",
        icon: IconClock,
        title: moment.number === 1 ? "First attempt" : `Attempt ${moment.number}`,
        text: <Countdown at={moment.at} paused={webhook?.status === "paused"} />,
      };
    case "ended":
      return {
        ...ends[moment.status],
        title: statusWord(moment.status),
        text: <TimeText at={moment.at} as="seconds" />,
      };
  }
}

const ends: Record<"delivered" | "failed" | "cancelled", { tone: Tone; icon: Icon }> = {
  delivered: { tone: "ok", icon: IconCheck },
  failed: { tone: "bad", icon: IconX },
  cancelled: { tone: "neutral", icon: IconBan },
};

const reasons: Partial<Record<Attempt["trigger"], string>> = {
  manual: ", by hand",
  recover: ", recovered",
};

function describeAttempt(attempt: Attempt): Description {
  const { number, outcome, trigger, duration_ms, started_at } = attempt;
  const look: Pick<Description, "tone" | "icon"> =
    outcome === "succeeded"
      ? ends.delivered
      : outcome === "deferred"
        ? { tone: "warn", icon: IconClockPause }
        : ends.failed;
  return {
    ...look,
    title: `Attempt ${number}${reasons[trigger] ?? ""}: ${causeOf(attempt).short}`,
    text: (
      <>
        <TimeText at={started_at} as="seconds" /> · {formatTook(duration_ms)}
      </>
    ),
  };
}
