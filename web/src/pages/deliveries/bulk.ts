// Many deliveries, one after another with a few at a time, so that a large choice neither floods
// the server nor hides what failed.
import { ApiProblem, sentence } from "../../api/client";

export interface Progress {
  total: number;
  done: number;
  /** Those that did not work, by what the server said. */
  failed: Map<string, number>;
}

const AT_ONCE = 4;

/** Ends early when `signal` aborts; what is under way then is still counted. */
export async function runBulk(
  ids: readonly string[],
  act: (id: string) => Promise<unknown>,
  tell: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Progress> {
  let progress: Progress = { total: ids.length, done: 0, failed: new Map() };
  const left = [...ids];
  tell(progress);
  async function work() {
    for (let id = left.shift(); id !== undefined && !signal.aborted; id = left.shift()) {
      let why: string | null = null;
      try {
        await act(id);
      } catch (error) {
        why = error instanceof ApiProblem ? problemWord(error) : sentence(error);
      }
      const failed = new Map(progress.failed);
      if (why !== null) failed.set(why, (failed.get(why) ?? 0) + 1);
      progress = { ...progress, done: progress.done + 1, failed };
      tell(progress);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return progress;
}

/** Details name the delivery, so that each would stand alone; codes group them. */
function problemWord(problem: ApiProblem): string {
  const words: Record<string, string> = {
    already_ended: "had ended already",
    webhook_gone: "belong to a webhook that is deleted",
    webhook_disabled: "belong to a webhook that is disabled",
    not_found: "are no longer kept",
    forbidden: "are not yours to change",
  };
  return words[problem.code] ?? sentence(problem);
}

export function failureCount({ failed }: Progress): number {
  return [...failed.values()].reduce((sum, count) => sum + count, 0);
}
