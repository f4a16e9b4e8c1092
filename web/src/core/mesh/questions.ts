/** What waits for a person, and who else looks at it. */
import type { AskedQuestion, Json, LogEvent, LookEvent, Question, Task } from "../protocol";
import { FINAL_STATES } from "../protocol";
import { Slice } from "../slice";
import { stateAfter } from "./tasks";

const LOOK_MS = 25_000;
const STAYS_MS = 6_000;
/** No list takes longer to come than this. */
const TOLD_MS = 60_000;

export interface Look {
  readonly user: string;
  readonly page: string;
  readonly state: "looking" | "typing";
  readonly until: number;
}

export interface Answered {
  /** Empty if nobody did in time. */
  readonly by: string;
  readonly at: string;
  /** What was answered; undefined if that is not known, or not to be seen. */
  readonly answer?: Json | undefined;
  /** Whether no worker has taken it in yet. */
  readonly isPending: boolean;
}

export interface OpenQuestion extends AskedQuestion {
  /** Who answered it, and when, if it has just been answered. */
  readonly answered: Answered | null;
  readonly looks: readonly Look[];
}

export class QuestionStore {
  /** Oldest first; answered ones stay for some seconds. */
  readonly slice = new Slice<readonly OpenQuestion[]>([], 50);
  readonly #questions = new Map<string, OpenQuestion>();
  /** When something was last told of a question: a list that was asked for before knows less. */
  readonly #toldAt = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get(taskId: string, questionId: string): OpenQuestion | undefined {
    return this.#questions.get(keyOf(taskId, questionId));
  }

  /** Take a list from the server, as it was when it was asked for, by our clock. */
  reset(asked: readonly AskedQuestion[], askedAt: number): void {
    const isNewer = (key: string): boolean => (this.#toldAt.get(key) ?? 0) >= askedAt;
    const there = new Set(asked.map(({ task, question }) => keyOf(task.id, question.id)));
    for (const [key, one] of this.#questions) {
      const isOpen = !one.answered || one.answered.isPending;
      if (isOpen && !there.has(key) && !isNewer(key)) this.#questions.delete(key);
    }
    for (const { task, question } of asked) {
      const key = keyOf(task.id, question.id);
      // Of one that is gone meanwhile the list tells the past.
      if (this.#questions.has(key) || !isNewer(key)) this.#open(task, question);
    }
    this.#publish();
  }

  /** Take in what is known of tasks: of a question that was just asked it may not have been. */
  know(tasks: readonly Task[]): void {
    for (const task of tasks)
      for (const [key, one] of this.#questions)
        if (one.task.id === task.id) this.#questions.set(key, { ...one, task });
    this.#publish();
  }

  /** Take in an event; `task` tells whose it is, if that is known. */
  hear(event: LogEvent, task: Task | undefined): void {
    if (event.k === "ask") {
      const question = (event.data.question ?? event.data) as unknown as Question;
      if (typeof question.id !== "string") return;
      this.#note(keyOf(event.task_id, question.id));
      this.#open(task ?? stub(event), question);
    } else if (event.k === "answer") {
      this.close(event.task_id, String(event.data.id), {
        by: String(event.data.by ?? ""),
        at: String(event.data.at ?? event.at),
        answer: event.data.hidden ? undefined : event.data.answer,
        isPending: event.pending ?? false,
      });
    } else {
      const state = stateAfter(event.kind);
      if (!state || !FINAL_STATES.has(state)) return;
      for (const [key, one] of this.#questions)
        if (one.task.id === event.task_id && (!one.answered || one.answered.isPending)) {
          this.#note(key);
          this.#questions.delete(key);
        }
    }
    this.#publish();
  }

  /** Note that a question has been answered; the first word on it counts, save what it lacks. */
  close(taskId: string, questionId: string, answered: Answered): void {
    const key = keyOf(taskId, questionId);
    const one = this.#questions.get(key);
    this.#note(key);
    if (!one) return;
    const known = one.answered;
    const isSame = !known || known.by === answered.by;
    const answer = known?.answer ?? (isSame ? answered.answer : undefined);
    const isPending = (known?.isPending ?? true) && answered.isPending;
    this.#questions.set(key, {
      ...one,
      answered: { ...(known ?? answered), answer, isPending },
      looks: [],
    });
    this.#publish();
    if (isPending || (known && !known.isPending)) return;
    setTimeout(() => {
      this.#questions.delete(key);
      this.#publish();
    }, STAYS_MS);
  }

  /** Forget a question that is not there any more. */
  drop(taskId: string, questionId: string): void {
    this.#note(keyOf(taskId, questionId));
    if (this.#questions.delete(keyOf(taskId, questionId))) this.#publish();
  }

  look(event: LookEvent): void {
    const key = keyOf(event.task_id, event.question_id);
    const one = this.#questions.get(key);
    if (!one) return;
    const others = one.looks.filter((look) => look.page !== event.page);
    const until = this.#now() + LOOK_MS;
    const looks =
      event.state === "left"
        ? others
        : [...others, { user: event.user, page: event.page, state: event.state, until }];
    this.#questions.set(key, { ...one, looks });
    this.#publish();
  }

  /** Forget who has not said for a while that they look. */
  sweep(): void {
    const now = this.#now();
    for (const [key, at] of this.#toldAt) if (at < now - TOLD_MS) this.#toldAt.delete(key);
    let changed = false;
    for (const [key, one] of this.#questions) {
      const looks = one.looks.filter((look) => look.until > now);
      if (looks.length === one.looks.length) continue;
      this.#questions.set(key, { ...one, looks });
      changed = true;
    }
    if (changed) this.#publish();
  }

  #note(key: string): void {
    this.#toldAt.set(key, this.#now());
  }

  #open(task: Task, question: AskedQuestion["question"]): void {
    const key = keyOf(task.id, question.id);
    const known = this.#questions.get(key);
    if (known?.answered) return;
    const answered = question.answered_by
      ? { by: question.answered_by, at: question.answered_at ?? "", isPending: true }
      : null;
    this.#questions.set(key, { task, question, answered, looks: known?.looks ?? [] });
  }

  #publish(): void {
    const all = [...this.#questions.values()];
    this.slice.set(
      all.sort((a, b) => (a.question.asked_at ?? "").localeCompare(b.question.asked_at ?? "")),
    );
  }
}

const keyOf = (taskId: string, questionId: string): string => `${taskId}/${questionId}`;

function stub(event: LogEvent): Task {
  return {
    id: event.task_id,
    agent: event.agent,
    state: "input-required",
    context_id: event.context_id,
    content: null,
    metadata: {},
    created_at: event.at,
    updated_at: event.at,
  } as unknown as Task;
}
