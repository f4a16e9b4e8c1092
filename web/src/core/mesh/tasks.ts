/** The tasks that changed last, kept up to date by the events of their logs. */
import type { LogEvent, Question, Task, TaskState } from "../protocol";
import { FINAL_STATES } from "../protocol";
import { Slice } from "../slice";

const MOST = 500;

const STATE_AFTER: { readonly [kind: string]: TaskState } = {
  claimed: "working",
  released: "submitted",
  retrying: "submitted",
  parked: "input-required",
  waiting: "submitted",
  completed: "completed",
  failed: "failed",
  canceled: "canceled",
  rejected: "rejected",
};

export const stateAfter = (kind: string): TaskState | undefined => STATE_AFTER[kind];

/** What an event changes of a task beside its state. */
function toldBy({ kind, data }: LogEvent, task: Task): Partial<Task> {
  const { questions = [] } = task;
  switch (kind) {
    case "claimed":
      // Whoever takes it has the version that it began with.
      return {
        held_up: "",
        ...(typeof data.attempt === "number" ? { attempt: data.attempt } : {}),
        ...(typeof data.version === "string" ? { version: data.version } : {}),
      };
    case "retrying":
      return { error: String(data.error ?? "") };
    case "asked": {
      const asked = data.question as unknown as Question | undefined;
      if (!asked?.id || questions.some((one) => one.id === asked.id)) return {};
      return { questions: [...questions, asked] };
    }
    case "answered":
    case "timed_out":
      return { questions: questions.filter((one) => one.id !== data.id) };
    case "parked":
    case "waiting":
      // It tells all that is open: what an attempt before asked may be asked no more.
      return { questions: Array.isArray(data.questions) ? (data.questions as never) : [] };
    default:
      return FINAL_STATES.has(kind as TaskState) ? { questions: [], held_up: "" } : {};
  }
}

export class TaskStore {
  readonly slice = new Slice<readonly Task[]>([], 200);
  readonly #tasks = new Map<string, Task>();

  get(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  /** Take tasks from the server. */
  put(tasks: readonly Task[]): void {
    for (const task of tasks) {
      const known = this.#tasks.get(task.id);
      if (known && known.updated_at > task.updated_at) continue;
      this.#tasks.set(task.id, task);
    }
    this.#publish();
  }

  /** Take in an event. Returns whether the task has to be asked for. */
  hear(event: LogEvent): boolean {
    const task = this.#tasks.get(event.task_id);
    const state = stateAfter(event.kind);
    if (!task) return state !== undefined;
    const next: Task = { ...task, ...toldBy(event, task), updated_at: event.at };
    if (state) next.state = state;
    this.#tasks.set(task.id, next);
    this.#publish();
    // The end has more to tell: the result, what it cost.
    return state !== undefined && FINAL_STATES.has(state);
  }

  #publish(): void {
    const all = [...this.#tasks.values()].sort((a, b) => b.updated_at.localeCompare(a.updated_at));
    for (const old of all.splice(MOST)) this.#tasks.delete(old.id);
    this.slice.set(all);
  }
}
