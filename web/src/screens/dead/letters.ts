/** Dead letters: what they carry, and how they are grouped. */
import type { DeadLetter, Json } from "@/core/protocol";
import { textOf } from "@/core/text";

export interface Filter {
  readonly agent: string;
  readonly reason: string;
  readonly text: string;
}

export type Row =
  | { readonly kind: "group"; readonly key: string; readonly letters: readonly DeadLetter[] }
  | { readonly kind: "letter"; readonly key: string; readonly letter: DeadLetter };

export function matching(
  letters: readonly DeadLetter[],
  { agent, reason, text }: Filter,
): DeadLetter[] {
  const wanted = text.trim().toLowerCase();
  return letters.filter(
    (letter) =>
      (agent === "" || letter.agent === agent) &&
      (reason === "" || letter.reason === reason) &&
      (wanted === "" ||
        `${letter.id}\n${letter.reason}\n${letter.errors.join("\n")}\n${letter.payload}`
          .toLowerCase()
          .includes(wanted)),
  );
}

/** The letters by agent and reason; the group with the newest first. Those of a closed group are
 *  left out. */
export function rowsOf(letters: readonly DeadLetter[], closed: ReadonlySet<string>): Row[] {
  const groups = new Map<string, DeadLetter[]>();
  for (const letter of letters) {
    const key = groupOf(letter);
    const group = groups.get(key);
    if (group) group.push(letter);
    else groups.set(key, [letter]);
  }
  return [...groups].flatMap(([key, group]) => [
    { kind: "group" as const, key, letters: group },
    ...(closed.has(key)
      ? []
      : group.map((letter) => ({ kind: "letter" as const, key: letter.id, letter }))),
  ]);
}

export const groupOf = ({ agent, reason }: DeadLetter): string => `${agent}\n${reason}`;

/** How often each occurs, the most frequent first. */
export function counted(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
}

/** The payload as JSON; undefined if it is none. */
export function payloadOf({ payload }: DeadLetter): Json | undefined {
  try {
    return JSON.parse(payload) as Json;
  } catch {
    return undefined;
  }
}

/** What the message in it says; undefined if it is no message. */
export function contentOf(letter: DeadLetter): Json | undefined {
  const payload = payloadOf(letter);
  return payload && typeof payload === "object" && !Array.isArray(payload)
    ? payload.content
    : undefined;
}

/** What it is about, in a few words. */
export function subjectOf(letter: DeadLetter): string {
  return textOf(contentOf(letter)) || letter.payload || letter.task_id;
}

/** The headers it came with, if they are told. */
export function headersOf(letter: DeadLetter): [string, string][] {
  const { headers } = letter as { headers?: { [name: string]: string } };
  return Object.entries(headers ?? {});
}

/** The errors of the attempts, with those that are the same in a row as one: from which to which. */
export function attemptsOf(
  errors: readonly string[],
): { first: number; last: number; error: string }[] {
  const runs: { first: number; last: number; error: string }[] = [];
  errors.forEach((error, ix) => {
    const run = runs.at(-1);
    if (run?.error === error) run.last = ix + 1;
    else runs.push({ first: ix + 1, last: ix + 1, error });
  });
  return runs;
}

/** The newest page in front of what was read before it. */
export function merged(
  newest: readonly DeadLetter[],
  isAll: boolean,
  known: readonly DeadLetter[],
): DeadLetter[] {
  const last = newest.at(-1)?.sequence;
  if (isAll || last === undefined) return [...newest];
  return [...newest, ...known.filter((one) => one.sequence < last)];
}
