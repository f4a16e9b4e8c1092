/** Which lanes there are: people on top, then agents, then whoever else talks. */
import type { AgentState } from "@/core/mesh/agents";
import { PEOPLE } from "@/core/mesh/marks";
import type { Lane, Mark } from "@/core/swimlane";

/** More cannot be told apart. */
const MOST = 28;

export interface LaneInfo extends Lane {
  readonly agent: AgentState | null;
}

export interface Lanes {
  readonly lanes: readonly LaneInfo[];
  /** How many more there are. */
  readonly leftOut: number;
}

/**
 * The lanes for some agents and marks.
 *
 * Agents that are away and have not talked are left out. If there are too many, those that have
 * talked last stay.
 */
export function lanesOf(agents: readonly AgentState[], marks: readonly Mark[]): Lanes {
  const last = new Map<string, number>();
  for (const { from, to, at } of marks) {
    last.set(from, Math.max(at, last.get(from) ?? 0));
    if (to) last.set(to, Math.max(at, last.get(to) ?? 0));
  }
  const known = new Map(agents.map((agent) => [agent.token, agent]));
  const shown: LaneInfo[] = agents
    .filter((agent) => agent.online || last.has(agent.token))
    .map((agent) => ({ id: agent.token, label: agent.name, agent }));
  for (const id of last.keys())
    if (id !== PEOPLE && !known.has(id)) shown.push({ id, label: id, agent: null });
  const time = (lane: LaneInfo) => last.get(lane.id) ?? 0;
  const kept = new Set([...shown].sort((a, b) => time(b) - time(a)).slice(0, MOST));
  const people: LaneInfo = { id: PEOPLE, label: "People", agent: null };
  return {
    lanes: [people, ...shown.filter((lane) => kept.has(lane))],
    leftOut: shown.length - kept.size,
  };
}
