/** Which tasks are listed, and what is said of each. */
import type { AgentState } from "@/core/mesh/agents";
import type { Json, Task, TaskState } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { agentToken, brief, textOf } from "@/core/text";
import { objectOf } from "./refs";

export const VIEWS = ["all", "open", "asks", "done", "failed", "canceled"] as const;
export type View = (typeof VIEWS)[number];

export const VIEW_NAMES: { readonly [view in View]: string } = {
  all: "All",
  open: "Open",
  asks: "Asks",
  done: "Done",
  failed: "Failed",
  canceled: "Canceled",
};

export const VIEW_STATES: { readonly [view in View]: readonly TaskState[] } = {
  all: [],
  open: ["submitted", "working", "input-required", "auth-required"],
  asks: ["input-required", "auth-required"],
  done: ["completed"],
  failed: ["failed", "rejected"],
  canceled: ["canceled"],
};

export interface Filters {
  readonly view: View;
  /** Token of the agent; empty for all. */
  readonly agent: string;
  readonly isMine: boolean;
  readonly text: string;
}

export function filtersOf(search: URLSearchParams): Filters {
  return {
    view: VIEWS.find((one) => one === search.get("state")) ?? "all",
    agent: search.get("agent") ?? "",
    isMine: search.get("of") === "me",
    text: search.get("text") ?? "",
  };
}

export function searchOf({ view, agent, isMine, text }: Filters): URLSearchParams {
  const search = new URLSearchParams();
  if (view !== "all") search.set("state", view);
  if (agent) search.set("agent", agent);
  if (isMine) search.set("of", "me");
  if (text) search.set("text", text);
  return search;
}

/** Those that pass, the one that changed last first. */
export function listed(
  pages: readonly Task[],
  live: readonly Task[],
  filters: Filters,
  me: string,
): readonly Task[] {
  const states = VIEW_STATES[filters.view];
  const wanted = filters.text.trim().toLowerCase();
  const tasks = new Map<string, Task>();
  for (const task of [...pages, ...live]) {
    const known = tasks.get(task.id);
    if (!known || known.updated_at <= task.updated_at) tasks.set(task.id, task);
  }
  return [...tasks.values()]
    .filter(
      (task) =>
        (states.length === 0 || states.includes(task.state)) &&
        (!filters.agent || agentToken(task.agent) === filters.agent) &&
        (!filters.isMine || task.owner === me) &&
        (!wanted || searched(task).includes(wanted)),
    )
    .sort((a, b) => b.updated_at.localeCompare(a.updated_at) || b.id.localeCompare(a.id));
}

const searched = (task: Task): string =>
  [task.id, task.agent, task.owner, titleOf(task), task.error ?? ""].join("\n").toLowerCase();

/** How a list stood when it was held still. */
export interface Order {
  readonly ids: readonly string[];
  /** When something happened last to the one at its end. */
  readonly end: string;
}

export const orderOf = (tasks: readonly Task[]): Order => ({
  ids: tasks.map((task) => task.id),
  end: tasks.at(-1)?.updated_at ?? "",
});

/** Hold the order of a list still: what is new stays out until it is let go. */
export function held(tasks: readonly Task[], { ids, end }: Order): readonly Task[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const found = ids.map((id) => byId.get(id)).filter((task) => task !== undefined);
  const there = new Set(ids);
  // What was loaded behind them goes behind them.
  return [...found, ...tasks.filter((task) => !there.has(task.id) && task.updated_at < end)];
}

/** What it is about: the first line of what it was given, or its parameters. */
export function titleOf(task: Task): string {
  const params = objectOf((task.metadata as { [key: string]: Json }).params);
  const said = textOf(task.content as Json);
  if (said && said !== "{}") return brief(said, 140);
  if (!params) return "";
  return Object.entries(params)
    .map(([name, value]) => `${name}: ${textOf(value)}`)
    .join(" · ")
    .slice(0, 140);
}

export interface WaitingOn {
  readonly who: "person" | "worker" | "nobody" | "retry" | "rest";
  readonly text: string;
}

/** What an open task waits for; null if it does not. No agent is undefined while not known. */
export function waitingOn(task: Task, agent: AgentState | null | undefined): WaitingOn | null {
  if (FINAL_STATES.has(task.state)) return null;
  const questions = task.questions ?? [];
  const [question, ...others] = questions.filter((one) => !one.answered_by);
  if (task.state === "input-required" && (question || questions.length === 0)) {
    const more = others.length > 0 ? ` (+${others.length})` : "";
    return {
      who: "person",
      text: question ? `${brief(question.prompt || question.tool || "", 60)}${more}` : "a person",
    };
  }
  if (task.state === "auth-required") return { who: "person", text: "a sign-in" };
  const reason = heldUpBy(task, agent);
  if (reason) return { who: "nobody", text: reason };
  if (task.state === "working") return null;
  if (task.state === "input-required")
    return { who: "worker", text: `${task.agent}, to take in the answer` };
  if (task.error) return { who: "retry", text: "its next attempt" };
  if (task.updated_at === task.created_at)
    return { who: "worker", text: `its turn at ${task.agent}` };
  return { who: "rest", text: "a time, or another task" };
}

/** Why nobody goes on with a task; empty if somebody may. */
export function heldUpBy(task: Task, agent: AgentState | null | undefined): string {
  const nobody = `nobody serves ${task.agent}`;
  if (agent === null || agent?.online === false) return nobody;
  // What was true when the task was read is not, once somebody has come.
  return agent && task.held_up === nobody ? "" : (task.held_up ?? "");
}

export const tokensOf = (task: Task): number =>
  (task.usage?.input_tokens ?? 0) + (task.usage?.output_tokens ?? 0);

export const dollars = (cost: number): string =>
  cost < 0.01 && cost > 0 ? `$${cost.toPrecision(2)}` : `$${cost.toFixed(2)}`;
