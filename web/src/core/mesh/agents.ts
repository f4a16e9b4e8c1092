/** Who is there, and how busy. */
import type { Agent, BeatEvent } from "../protocol";
import { Slice } from "../slice";
import { agentToken } from "../text";

export interface AgentState extends Agent {
  readonly token: string;
  /** When it was heard of last, by our clock; 0 if it has not been. */
  readonly beatAt: number;
}

/** Whether an agent is a workflow: it is started, not talked to. */
export const isWorkflow = (agent: {
  readonly capabilities?: readonly string[];
  readonly input_schema?: unknown;
}): boolean => Boolean(agent.input_schema) || (agent.capabilities ?? []).includes("workflow");

export class AgentStore {
  readonly slice = new Slice<readonly AgentState[]>([], 250);
  readonly #agents = new Map<string, AgentState>();
  readonly #beats = new Set<(token: string) => void>();

  /** Hear every heartbeat. */
  onBeat(listener: (token: string) => void): () => void {
    this.#beats.add(listener);
    return () => this.#beats.delete(listener);
  }

  get(name: string): AgentState | undefined {
    return this.#agents.get(agentToken(name));
  }

  /** Take a list from the server; who is not on it any more is offline, and stays to be seen. */
  reset(agents: readonly Agent[]): void {
    const there = new Set<string>();
    for (const agent of agents) {
      const token = agentToken(agent.name);
      there.add(token);
      const beatAt = this.#agents.get(token)?.beatAt ?? 0;
      this.#agents.set(token, { ...agent, token, beatAt });
    }
    for (const [token, agent] of this.#agents)
      if (!there.has(token))
        this.#agents.set(token, { ...agent, online: false, status: "offline", running: 0 });
    this.#publish();
  }

  /** Take in a heartbeat. Returns whether the list has to be asked for anew. */
  hear(beat: BeatEvent, now: number): boolean {
    const agent = this.#agents.get(beat.agent);
    for (const listener of this.#beats) listener(beat.agent);
    if (!agent || beat.event === "join" || beat.event === "leave") return true;
    this.#agents.set(beat.agent, {
      ...agent,
      beatAt: now,
      running: beat.running ?? agent.running,
      queued: beat.queued ?? agent.queued,
      status: (beat.status as Agent["status"] | undefined) ?? agent.status,
    });
    this.#publish();
    return !agent.online;
  }

  #publish(): void {
    this.slice.set([...this.#agents.values()].sort((a, b) => a.name.localeCompare(b.name)));
  }
}
