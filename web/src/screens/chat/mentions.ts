/** What a person types to say whom it is for, or what to start. */
import { agentToken } from "@/core/text";

export interface Mention {
  readonly kind: "agent" | "workflow";
  readonly query: string;
  /** Where the mark stands. */
  readonly start: number;
}

/** Names are no longer. */
const LONGEST = 63;

/** What is being completed at the caret: an agent behind `@`, a workflow behind a `/` in front. */
export function mentionAt(text: string, caret: number): Mention | null {
  const before = text.slice(0, caret);
  const agent = /(?:^|\s)@([^\s@]{0,60})$/.exec(before);
  if (agent) {
    const query = agent[1] ?? "";
    return { kind: "agent", query, start: caret - query.length - 1 };
  }
  const workflow = /^\/([^\s/]{0,60})$/.exec(before);
  return workflow ? { kind: "workflow", query: workflow[1] ?? "", start: 0 } : null;
}

interface Named {
  readonly name: string;
  readonly token: string;
}

/** Those whose name fits what was typed; best first, online before offline. */
export function fitting<T extends Named & { readonly online: boolean }>(
  query: string,
  among: readonly T[],
  most = 8,
): T[] {
  const wanted = agentToken(query);
  return among
    .map((one) => ({ one, place: one.token.indexOf(wanted) }))
    .filter(({ place }) => place >= 0)
    .sort(
      (a, b) =>
        Number(a.place > 0) - Number(b.place > 0) ||
        Number(b.one.online) - Number(a.one.online) ||
        a.one.name.localeCompare(b.one.name),
    )
    .slice(0, most)
    .map(({ one }) => one);
}

/** Whom a text is for, by the `@name` in front of it; the longest name that fits counts. */
export function addressee<T extends Named>(
  text: string,
  agents: readonly T[],
): { agent: T; text: string } | null {
  if (!text.startsWith("@")) return null;
  const rest = text.slice(1);
  const token = agentToken(rest.slice(0, LONGEST));
  let best: T | null = null;
  for (const agent of agents) {
    if (!token.startsWith(agent.token)) continue;
    const next = rest[agent.token.length];
    if (next !== undefined && !/[\s,:]/.test(next)) continue;
    if (!best || agent.token.length > best.token.length) best = agent;
  }
  if (!best) return null;
  return { agent: best, text: rest.slice(best.token.length).replace(/^[\s,:]+/, "") };
}

export const BEGIN_WITH = "Begin with @ and an agent's name, or with / for a workflow";

/** Why nobody can be sent a text that has to say whom it is for. */
export function refusalOf(text: string, agents: readonly Named[]): string {
  const to = addressee(text, agents);
  if (to) return `Write what ${to.agent.name} is to be told`;
  const [, mark, name] = /^([@/])([^\s,:]+)/.exec(text) ?? [];
  if (!mark || !name) return BEGIN_WITH;
  if (mark === "@") return `There is no agent ${name} on the mesh now`;
  return agents.some((one) => one.token === agentToken(name))
    ? `Write /${name} alone, and choose it above`
    : `There is no workflow ${name} on the mesh now`;
}

/** Whether a workflow can be started without asking for anything. */
export function needsNothing(schema: { [key: string]: unknown } | null | undefined): boolean {
  const required = schema?.required;
  return !(Array.isArray(required) && required.length > 0);
}
