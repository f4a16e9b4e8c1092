import type { Mark } from "./types";

/** One step of a trace: work went to an agent, waited there, and was worked on until it went on or ended. */
export interface Link {
  /** The mark that handed the work over. */
  readonly mark: Mark;
  readonly from: string;
  readonly to: string;
  /** When it was handed over. */
  readonly at: number;
  /** When the receiver took it up; null if nothing tells. */
  readonly taken: number | null;
  /** When the receiver handed it on or ended it; null while it has it. */
  readonly done: number | null;
  /** Milliseconds before it was taken up and while people were asked; null if not known. */
  readonly waiting: number | null;
  /** Milliseconds of work, without the time in which people were asked; null if not known or not done. */
  readonly working: number | null;
}

/**
 * The handoff chain within the marks of one trace.
 *
 * It begins with the first mark that gives an agent work (a request, a direct message or a handoff)
 * and follows the handoffs from there. What the receiver next hands over, completes, answers or
 * fails at ends its link. Work was taken up when the ending mark says that it began, or else with
 * the receiver's first sign of life.
 */
export function chain(marks: readonly Mark[]): Link[] {
  const sorted = [...marks].sort((a, b) => a.at - b.at);
  const first = sorted.find((mark) => givesWork(mark) && mark.kind !== "handoff");
  const opening = first ?? sorted.find(givesWork);
  return sorted
    .filter((mark) => mark === opening || (mark.kind === "handoff" && givesWork(mark)))
    .map((mark) => link(mark, sorted));
}

function givesWork(mark: Mark): boolean {
  const kinds = mark.kind === "request" || mark.kind === "direct" || mark.kind === "handoff";
  return kinds && mark.to !== "" && mark.to !== mark.from;
}

function link(mark: Mark, sorted: readonly Mark[]): Link {
  const { from, to, at } = mark;
  const after = sorted.filter((m) => m.from === to && m !== mark && m.at >= at);
  const end = after.find(endsWork);
  const done = end?.at ?? null;
  const signs = after.filter((m) => done === null || m.at <= done);
  const taken = takenUp(at, end, signs);
  if (taken === null) return { mark, from, to, at, taken, done, waiting: null, working: null };
  const asked = askingTime(to, taken, done, sorted);
  const working = done === null ? null : Math.max(0, done - taken - asked);
  return { mark, from, to, at, taken, done, waiting: taken - at + asked, working };
}

function endsWork(mark: Mark): boolean {
  const kinds = ["handoff", "completion", "reply", "error"];
  return kinds.includes(mark.kind) || mark.failed;
}

function takenUp(at: number, end: Mark | undefined, signs: readonly Mark[]): number | null {
  if (end !== undefined && end.began < end.at) return Math.max(at, end.began);
  const sign = signs.find((mark) => mark !== end);
  if (sign === undefined) return null;
  return Math.max(at, Math.min(sign.began, sign.at));
}

/** Time in which the agent's questions were open, counted once where they overlap. */
function askingTime(
  agent: string,
  from: number,
  to: number | null,
  sorted: readonly Mark[],
): number {
  let open = 0;
  let since = 0;
  let sum = 0;
  for (const mark of sorted) {
    if (mark.at < from || (to !== null && mark.at > to)) continue;
    if (mark.kind === "question" && mark.from === agent && open++ === 0) since = mark.at;
    if (mark.kind === "answer" && mark.to === agent && open > 0 && --open === 0) {
      sum += mark.at - since;
    }
  }
  return open > 0 && to !== null ? sum + to - since : sum;
}
