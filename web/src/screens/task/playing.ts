/** How a log is played: how fast, and what of it is marked. */
import type { StoredEvent } from "@/core/protocol";

export const SPEEDS = ["1", "4", "16"] as const;
export type Speed = (typeof SPEEDS)[number];

/** Nobody watches a task wait: no pause is longer than this, in ms. */
const LONGEST = 2_000;
const SHORTEST = 60;

/** How long the event in this place is shown before the next one, in ms. */
export function pauseAfter(events: readonly StoredEvent[], at: number, speed: number): number {
  const here = events[at - 1];
  const next = events[at];
  if (!here || !next) return SHORTEST;
  const real = Date.parse(next.at) - Date.parse(here.at);
  return Math.max(SHORTEST / speed, Math.min(LONGEST, Number.isFinite(real) ? real : 0) / speed);
}

const TONES: { readonly [kind: string]: string } = {
  asked: "question",
  answered: "question",
  timed_out: "bad",
  retrying: "bad",
  step_retrying: "bad",
  unsent: "bad",
  failed: "bad",
  rejected: "warn",
  canceled: "text-3",
  completed: "ok",
  step: "accent",
  replied: "reply",
  model: "direct",
  tool_call: "tool",
  sent: "handoff",
  child: "completion",
};

/** The colour of the mark of a kind of event; undefined if it has none. */
export const toneOf = (kind: string): string | undefined => TONES[kind];
