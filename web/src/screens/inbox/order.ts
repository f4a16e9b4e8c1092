/** Which questions are shown, and which comes next. */
import type { OpenQuestion } from "@/core/mesh/questions";
import { agentToken } from "@/core/text";

export interface Filter {
  readonly whose: "all" | "mine";
  /** Token of an agent; empty for all of them. */
  readonly agent: string;
}

export const keyOf = ({ task, question }: OpenQuestion): string => `${task.id}/${question.id}`;

export function chosen(
  questions: readonly OpenQuestion[],
  { whose, agent }: Filter,
  me: string | null,
): OpenQuestion[] {
  return questions.filter(
    ({ task }) =>
      (whose === "all" || task.owner === me) && (agent === "" || agentToken(task.agent) === agent),
  );
}

/** The open question behind one, going round; before it if `step` is -1. Undefined if there is
 *  no other. */
export function neighbour(
  questions: readonly OpenQuestion[],
  key: string,
  step: 1 | -1,
): OpenQuestion | undefined {
  const at = questions.findIndex((one) => keyOf(one) === key);
  const count = questions.length;
  for (let ix = 1; ix <= count; ix += 1) {
    const start = at < 0 && step < 0 ? 0 : at;
    const one = questions[(start + ix * step + count * 2) % count];
    if (one && !one.answered && keyOf(one) !== key) return one;
  }
  return undefined;
}
