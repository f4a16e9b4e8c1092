/** What the table of the flow lists. */
import type { Mark } from "@/core/swimlane";

const MOST = 5_000;

/** The marks that came last, of one conversation if one is followed; the newest first. */
export function rowsOf(marks: readonly Mark[], trace: string | null): readonly Mark[] {
  const found = trace ? marks.filter((mark) => mark.trace === trace) : marks;
  // What was said before the page was opened comes in behind what is said since.
  return found.slice(-MOST).sort((a, b) => b.at - a.at);
}

/** The time of the first mark, or `now` if there is none. */
export function firstOf(marks: readonly Mark[], now: number): number {
  return marks.reduce((first, mark) => Math.min(first, mark.at), now);
}
