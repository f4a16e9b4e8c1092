/** What a task that runs again from a point of a log takes over from it. */
import type { StoredEvent } from "@/core/protocol";

const NAMES: { readonly [kind: string]: readonly [string, string] } = {
  step: ["1 step", "steps"],
  replied: ["1 reply of an agent", "replies of agents"],
  model: ["1 model call", "model calls"],
  answered: ["1 answer of a person", "answers of people"],
  timed_out: ["1 question that nobody answered", "questions that nobody answered"],
  child: ["the result of 1 task", "results of tasks"],
  sent: ["1 message that it sent", "messages that it sent"],
  woken: ["1 sleep", "sleeps"],
  said: ["1 text", "texts"],
};

/** In words, what is on record up to the point, and what is behind it. */
export function keptOf(
  events: readonly StoredEvent[],
  point: number,
): { readonly kept: readonly string[]; readonly left: readonly string[] } {
  return { kept: counted(events.slice(0, point)), left: counted(events.slice(point)) };
}

function counted(events: readonly StoredEvent[]): readonly string[] {
  return Object.entries(NAMES).flatMap(([kind, [one, many]]) => {
    const count = events.filter((event) => event.kind === kind).length;
    return count === 0 ? [] : [count === 1 ? one : `${count} ${many}`];
  });
}
