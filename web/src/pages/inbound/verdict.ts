// What became of a request, in words.
import { type InboundRequest, sentence, type Verdict } from "../../api/client";

const refused: readonly Verdict[] = ["invalid", "unverified", "loop", "key_reused"];

/** Whether it was answered with an error, and nothing was changed. */
export function isRefused(verdict: Verdict): boolean {
  return refused.includes(verdict);
}

/** Why a request was refused, in a sentence. */
export function refusal({
  verdict,
  errors,
  detail,
}: Pick<InboundRequest, "verdict" | "errors" | "detail">): string {
  const [first] = errors;
  if (first !== undefined) {
    const field = first.pointer.replace(/^\//, "");
    const more = errors.length > 1 ? ` and ${errors.length - 1} more` : "";
    return sentence(`${field === "" ? "" : `${field}: `}${first.message}${more}`);
  }
  if (detail !== null) return sentence(detail);
  switch (verdict) {
    case "loop":
      return "It went round through webhooks too often.";
    case "key_reused":
      return "Another request came with the same idempotency key.";
    case "unverified":
      return "Its signature is missing or wrong.";
    default:
      return "It could not be read.";
  }
}
