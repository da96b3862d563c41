// A state as icon, word and colour, so that none of them has to be told apart alone.
import {
  type Icon,
  IconAlertTriangle,
  IconBan,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconClockPause,
  IconCopyX,
  IconEqual,
  IconFileSearch,
  IconHourglass,
  IconLoader,
  IconPlayerPause,
  IconPlugX,
  IconPower,
  IconRefresh,
  IconRepeat,
  IconSend,
  IconShieldX,
  IconUserCheck,
  IconUserMinus,
  IconUserPlus,
} from "@tabler/icons-react";
import type { Job, Schemas, Verdict } from "../api/client";
import type { Tone } from "../theme";
import classes from "./StatusBadge.module.css";

export type WebhookHealth = "ok" | "degraded" | "failing" | "no_hits";
export type Status =
  | Schemas["DeliveryStatus"]
  | Schemas["Outcome"]
  | Schemas["WebhookStatus"]
  | WebhookHealth
  | Job["state"]
  | Verdict;

const looks: Record<Status, [word: string, tone: Tone, icon: Icon]> = {
  pending: ["Pending", "neutral", IconClock],
  delivering: ["Delivering", "info", IconSend],
  retrying: ["Retrying", "warn", IconRefresh],
  delivered: ["Delivered", "ok", IconCircleCheck],
  failed: ["Failed", "bad", IconCircleX],
  cancelled: ["Cancelled", "neutral", IconBan],
  succeeded: ["Succeeded", "ok", IconCircleCheck],
  rejected: ["Rejected", "bad", IconCircleX],
  timed_out: ["Timed out", "bad", IconHourglass],
  unreachable: ["Unreachable", "bad", IconPlugX],
  blocked: ["Blocked", "bad", IconShieldX],
  deferred: ["Deferred", "warn", IconClockPause],
  enabled: ["Enabled", "ok", IconCircleCheck],
  paused: ["Paused", "neutral", IconPlayerPause],
  disabled: ["Disabled", "bad", IconPower],
  ok: ["OK", "ok", IconCircleCheck],
  degraded: ["Degraded", "warn", IconAlertTriangle],
  failing: ["Failing", "bad", IconCircleX],
  no_hits: ["No hits yet", "neutral", IconCircleDashed],
  waiting: ["Waiting", "neutral", IconClock],
  checking: ["Checking", "info", IconFileSearch],
  running: ["Running", "info", IconLoader],
  done: ["Done", "ok", IconCircleCheck],
  created: ["Created", "ok", IconUserPlus],
  updated: ["Updated", "ok", IconUserCheck],
  deleted: ["Deleted", "ok", IconUserMinus],
  none: ["No change", "neutral", IconEqual],
  invalid: ["Invalid", "bad", IconCircleX],
  unverified: ["Unverified", "bad", IconShieldX],
  loop: ["Loop", "warn", IconRepeat],
  key_reused: ["Key reused", "warn", IconCopyX],
};

/** The word for a state, for selects and tables. */
export function statusWord(status: Status): string {
  return looks[status][0];
}

interface Props {
  status: Status;
  /** After the word: "2 of 5". */
  note?: string;
}

export function StatusBadge({ status, note }: Props) {
  const [word, tone, Shape] = looks[status];
  return (
    <Badge tone={tone} icon={Shape}>
      {note === undefined ? word : `${word} ${note}`}
    </Badge>
  );
}

/** A badge of any words; `TEST` and roles, for example. */
export function Badge({
  tone,
  icon: Shape,
  children,
}: {
  tone: Tone;
  icon?: Icon;
  children: string;
}) {
  return (
    <span className={classes.badge} data-tone={tone}>
      {Shape && <Shape size={14} stroke={2} aria-hidden="true" />}
      {children}
    </span>
  );
}
