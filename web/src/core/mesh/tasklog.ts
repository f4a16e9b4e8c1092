/** The whole log of one task: what is stored of it, and what happens now. */
import { api } from "../api";
import { asProblem, type Problem } from "../problem";
import type { DeltaEvent, LogEvent, StoredEvent } from "../protocol";
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
      let after: number | null = this.#isWhole ? (this.#events.at(-1)?.sequence ?? 0) : 0;
      while (after !== null) {
        const page: { events: StoredEvent[]; next: number | null } = await api.log(
          this.id,
          { after, limit: PAGE },
          reading.signal,
        );
        this.#merge(page.events);
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
      const last = this.#events.at(-1);
      if (!last || event.sequence > last.sequence) this.#events.push(event);
      else {
        const at = this.#events.findIndex((one) => one.sequence >= event.sequence);
        if (this.#events[at]?.sequence !== event.sequence) this.#events.splice(at, 0, event);
      }
      if (event.kind === "said") {
        const key = event.data.key;
        if (typeof key === "string") this.#writing.delete(key);
        this.#writing.delete("");
      } else if (["completed", "failed", "canceled", "rejected"].includes(event.kind)) {
        this.#writing.clear();
      }
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
