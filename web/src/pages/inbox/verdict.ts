// How a verdict on a signature looks.
import {
  type Icon,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconQuestionMark,
} from "@tabler/icons-react";
import type { Tone } from "../../theme";
import type { SignatureVerdict } from "./requests";

interface Look {
  word: string;
  tone: Tone;
  icon: Icon;
}

const looks: Record<SignatureVerdict["verdict"], Look> = {
  verified: { word: "Verified", tone: "ok", icon: IconCircleCheck },
  failed: { word: "Not verified", tone: "bad", icon: IconCircleX },
  absent: { word: "Not sent", tone: "neutral", icon: IconCircleDashed },
  unchecked: { word: "Not checked", tone: "neutral", icon: IconQuestionMark },
};

const unknown: Look = { word: "Not ours", tone: "neutral", icon: IconQuestionMark };

/** Of a request that names none of the server's webhooks there is no verdict. */
export function verdictLook(verdict: SignatureVerdict["verdict"] | undefined): Look {
  return verdict === undefined ? unknown : looks[verdict];
}
