/** The whole log of one task: what is stored of it, and what happens now. */
import { api } from "../api";
import { asProblem, type Problem } from "../problem";
import type { DeltaEvent, LogEvent, StoredEvent, TaskState } from "../protocol";
import { FINAL_STATES } from "../protocol";
import { Slice } from "../slice";

const PAGE = 500;

/** A text that is being written. */
export interface Writing {
  readonly key: string;
  readonly attempt: number;
  readonly text: string;
  /** How many of its characters come before `text`: it was being written before we looked. */
  readonly from: number;
  /** The event after which it was begun; infinite if none was known then. */
  readonly after: number;
}

export interface TaskLog {
  readonly events: readonly StoredEvent[];
  readonly writing: readonly Writing[];
  readonly isWhole: boolean;
  readonly problem: Problem | null;
}

export class TaskLogStore {
  readonly id: string;
  readonly slice = new Slice<TaskLog>(
    { events: [], writing: [], isWhole: false, problem: null },
    40,
  );
  #events: StoredEvent[] = [];
  readonly #writing = new Map<string, Writing>();
  #isWhole = false;
  /** Up to where the log was read: what was heard behind it may have holes. */
  #readTo = 0;
  #problem: Problem | null = null;
  #reading: AbortController | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** Read what is stored behind what is known. */
  async read(): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    try {
      let after: number | null = this.#readTo;
      while (after !== null) {
        const page: { events: StoredEvent[]; next: number | null } = await api.log(
          this.id,
          { after, limit: PAGE },
          reading.signal,
        );
        this.#merge(page.events);
        this.#readTo = page.events.at(-1)?.sequence ?? this.#readTo;
        after = page.next;
        this.#publish();
      }
      this.#isWhole = true;
      this.#problem = null;
    } catch (error) {
      if (reading.signal.aborted) return;
      this.#problem = asProblem(error);
    }
    this.#publish();
  }

  hear(event: LogEvent): void {
    if (event.pending) return;
    this.#merge([{ sequence: event.seq, kind: event.kind, at: event.at, data: event.data }]);
    this.#publish();
  }

  write(delta: DeltaEvent): void {
    const key = delta.key ?? "";
    const attempt = delta.attempt ?? 1;
    const known = this.#writing.get(key);
    if (known && known.attempt > attempt) return;
    const before = known && known.attempt === attempt ? known : null;
    const from = before ? before.from : (delta.offset ?? 0);
    const end = from + (before?.text.length ?? 0);
    const offset = delta.offset ?? end;
    // What is missing in between comes with the whole text, at its end.
    if ((offset > end || offset < from) && key !== "") return;
    const after = before?.after ?? this.#events.at(-1)?.sequence ?? Number.POSITIVE_INFINITY;
    const text = before?.text.slice(0, offset - from) ?? "";
    this.#writing.set(key, { key, attempt, from, text: text + delta.text, after });
    this.#publish();
  }

  stop(): void {
    this.#reading?.abort();
  }

  #merge(events: readonly StoredEvent[]): void {
    for (const event of events) {
      // Most come in order, so the place is near the end.
      const before = this.#events.findLastIndex((one) => one.sequence <= event.sequence);
      if (this.#events[before]?.sequence === event.sequence) continue;
      if (before === this.#events.length - 1) this.#events.push(event);
      else this.#events.splice(before + 1, 0, event);
      this.#settle(event);
    }
  }

  /** Forget texts that are not being written any more. */
  #settle({ kind, data }: StoredEvent): void {
    if (kind === "said") {
      if (typeof data.key === "string") this.#writing.delete(data.key);
      this.#writing.delete("");
    } else if (kind === "retrying" || FINAL_STATES.has(kind as TaskState)) {
      this.#writing.clear();
    } else if (kind === "claimed" && typeof data.attempt === "number") {
      // An attempt whose process died says no more.
      for (const { key, attempt } of [...this.#writing.values()])
        if (attempt < data.attempt) this.#writing.delete(key);
    }
  }

  #publish(): void {
    this.slice.set({
      events: [...this.#events],
      writing: [...this.#writing.values()],
      isWhole: this.#isWhole,
      problem: this.#problem,
    });
  }
}
