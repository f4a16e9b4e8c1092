/** Which questions are new. */
import type { OpenQuestion } from "@/core/mesh/questions";

/** The open questions that were not there before, with all that have been seen by now. */
export function landed(
  seen: ReadonlySet<string>,
  questions: readonly OpenQuestion[],
): { fresh: OpenQuestion[]; seen: ReadonlySet<string> } {
  const keys = questions.map(({ task, question }) => `${task.id}/${question.id}`);
  const fresh = questions.filter((one, ix) => !one.answered && !seen.has(keys[ix] ?? ""));
  return { fresh, seen: new Set(keys) };
}
