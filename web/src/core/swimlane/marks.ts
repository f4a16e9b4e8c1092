import type { Mark } from "./types";

/** Marks sorted by arrival, at most `cap` of them: the oldest go first. Searching by time takes O(log n). */
export class MarkBuffer {
  private items: Mark[] = [];
  /** Items before this index have been dropped and await the next compaction. */
  private head = 0;

  constructor(readonly cap: number) {}

  get size(): number {
    return this.items.length - this.head;
  }

  /** When the oldest kept mark arrived; Infinity if there is none. */
  get oldest(): number {
    return this.items[this.head]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Take in marks, in any order; those that are late are merged into their place. */
  add(marks: readonly Mark[]): void {
    const batch = inOrder(marks);
    const first = batch[0];
    if (first === undefined) return;
    const last = this.items[this.items.length - 1];
    if (last === undefined || last.at <= first.at) {
      for (const mark of batch) this.items.push(mark);
    } else {
      this.merge(batch);
    }
    this.trim();
  }

  /** Index (for `at`) of the first mark that arrived at `time` or later. */
  indexOf(time: number): number {
    let low = this.head;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const mark = this.items[middle];
      if (mark !== undefined && mark.at < time) low = middle + 1;
      else high = middle;
    }
    return low - this.head;
  }

  at(index: number): Mark | undefined {
    return index < 0 ? undefined : this.items[this.head + index];
  }

  /** Marks with `from` <= arrival < `to`, oldest first. */
  *between(from: number, to: number): Generator<Mark> {
    for (let i = this.indexOf(from); i < this.size; i++) {
      const mark = this.at(i);
      if (mark === undefined || mark.at >= to) return;
      yield mark;
    }
  }

  /** All marks of one trace, oldest first. */
  ofTrace(trace: string): Mark[] {
    const found: Mark[] = [];
    for (let i = this.head; i < this.items.length; i++) {
      const mark = this.items[i];
      if (mark !== undefined && mark.trace === trace) found.push(mark);
    }
    return found;
  }

  /** Merge from the back: only what arrived after the batch's first mark is moved. */
  private merge(batch: readonly Mark[]): void {
    const { items } = this;
    let old = items.length - 1;
    let fresh = batch.length - 1;
    for (const mark of batch) items.push(mark);
    for (let into = items.length - 1; fresh >= 0; into--) {
      const a = old >= this.head ? items[old] : undefined;
      const b = batch[fresh];
      if (b === undefined) return;
      if (a !== undefined && a.at > b.at) {
        items[into] = a;
        old--;
      } else {
        items[into] = b;
        fresh--;
      }
    }
  }

  private trim(): void {
    this.head = Math.max(this.head, this.items.length - this.cap);
    if (this.head > this.cap / 4) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
  }
}

function inOrder(marks: readonly Mark[]): readonly Mark[] {
  for (let i = 1; i < marks.length; i++) {
    const a = marks[i - 1];
    const b = marks[i];
    if (a !== undefined && b !== undefined && a.at > b.at) {
      return [...marks].sort((p, q) => p.at - q.at);
    }
  }
  return marks;
}
