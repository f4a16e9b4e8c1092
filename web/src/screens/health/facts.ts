/** What is read out of the health of the mesh. */
import type { Health } from "@/core/protocol";

type Worker = Health["workers"][number];
type Stream = Health["streams"][number];

/** The agents whose workers run different versions of their code. */
export function mixed(workers: readonly Worker[]): ReadonlySet<string> {
  const first = new Map<string, string>();
  const found = new Set<string>();
  for (const { agent, version } of workers) {
    const known = first.get(agent);
    if (known === undefined) first.set(agent, version);
    else if (known !== version) found.add(agent);
  }
  return found;
}

export interface Lag {
  readonly consumer: string;
  readonly pending: number;
}

/** The consumers that are behind, the furthest first. */
export function laggards({ lag }: Stream): Lag[] {
  return Object.entries(lag)
    .filter(([, pending]) => pending > 0)
    .map(([consumer, pending]) => ({ consumer, pending }))
    .sort((a, b) => b.pending - a.pending);
}

const LEVELS = ["error", "warning", "info", "ok"] as const;

/** The findings, the gravest first. */
export function gravest(findings: Health["findings"]): Health["findings"] {
  return [...findings].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}

/** The parts of what helps: sentences, and commands, which stand in backquotes. */
export function remedyOf(text: string): { key: string; text: string; isCommand: boolean }[] {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return first
    .split("`")
    .map((part, ix) => ({ key: `${ix}`, text: part, isCommand: ix % 2 === 1 }))
    .filter((part) => part.text !== "");
}
