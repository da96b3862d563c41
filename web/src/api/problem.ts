// What the API answers when something is wrong (RFC 9457), as an error that pages can show.
import type { components } from "./schema";

type Problem = components["schemas"]["Problem"];

export class ApiProblem extends Error {
  override name = "ApiProblem";

  private constructor(
    /** 0 when there was no answer at all. */
    readonly status: number,
    /** Stable; what code decides by. */
    readonly code: string,
    /** What is wrong, for people. */
    readonly detail: string,
    /** Messages by JSON pointer (`/url`), or by `/` and the name of a query parameter. */
    readonly fields: ReadonlyMap<string, string>,
    readonly requestId: string | null,
    readonly retryAfterS: number | null,
  ) {
    super(detail);
  }

  /** Reads an answer that is not a success; one that is no problem document becomes one. */
  static async of(response: Response): Promise<ApiProblem> {
    const text = await response.text().catch(() => "");
    const problem = parse(text);
    const fields = new Map<string, string>();
    for (const field of problem.errors ?? []) {
      const before = fields.get(field.pointer);
      fields.set(field.pointer, before ? `${before}; ${field.message}` : field.message);
    }
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    return new ApiProblem(
      response.status,
      problem.code ?? `http_${response.status}`,
      problem.detail || problem.title || `the server answered ${response.status}`,
      fields,
      problem.request_id ?? response.headers.get("x-request-id"),
      Number.isFinite(seconds) ? seconds : null,
    );
  }

  /** For a request that got no answer. */
  static unreachable(): ApiProblem {
    const detail = "the server cannot be reached; check that it runs and that you are online";
    return new ApiProblem(0, "unreachable", detail, new Map(), null, null);
  }

  /** For an answer that is no list or object where one was promised. */
  static unreadable(response: Response): ApiProblem {
    const requestId = response.headers.get("x-request-id");
    const detail = "the server's answer is not what this page understands; reload it";
    return new ApiProblem(response.status, "unreadable", detail, new Map(), requestId, null);
  }

  /** Whether trying the very same request again could help. */
  get mayPass(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

function parse(text: string): Partial<Problem> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Any error as a sentence: capital, full stop. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/** A problem's messages by the names of a form's fields: `/retry_delays_s/2` → `retry_delays_s`. */
export function fieldErrors(error: unknown): Record<string, string> {
  const errors: Record<string, string> = {};
  if (!(error instanceof ApiProblem)) return errors;
  for (const [pointer, message] of error.fields) {
    const name = (pointer.split("/")[1] ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
    if (name !== "") errors[name] ??= message;
  }
  return errors;
}
