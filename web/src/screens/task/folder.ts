/** Folds a log again and again, without starting over each time. */
import type { StoredEvent } from "@/core/protocol";
import { extend } from "./fold";
import { type TaskView, UNSTARTED } from "./view";

const EVERY = 200;
const MOST_MARKS = 40;

/** Folds a log that grows, and any beginning of it, without starting over each time. */
export class Folder {
  /** Views on the way, every so many events: none is changed once it is made. */
  #marks: TaskView[] = [UNSTARTED];
  /** The longer the log, the further apart they are: each holds as much as there was. */
  #every = EVERY;
  #view = UNSTARTED;

  /** What the first `count` events add up to. */
  view(events: readonly StoredEvent[], count: number): TaskView {
    const isKnown = (view: TaskView): boolean =>
      view.count <= count &&
      (view.count === 0 || events[view.count - 1]?.sequence === view.sequence);
    this.#marks = this.#marks.filter(
      (mark) => mark.count === 0 || events[mark.count - 1]?.sequence === mark.sequence,
    );
    const mark = this.#marks.findLast(isKnown) ?? UNSTARTED;
    let view = isKnown(this.#view) && this.#view.count >= mark.count ? this.#view : mark;
    while (view.count < count) {
      const next = Math.min(count, (Math.floor(view.count / this.#every) + 1) * this.#every);
      view = extend(view, events.slice(view.count, next));
      const last = this.#marks.at(-1)?.count ?? 0;
      if (next % this.#every === 0 && next > last) this.#mark(view);
    }
    this.#view = view;
    return view;
  }

  #mark(view: TaskView): void {
    this.#marks.push(view);
    if (this.#marks.length <= MOST_MARKS) return;
    this.#every *= 2;
    this.#marks = this.#marks.filter((mark) => mark.count % this.#every === 0);
  }
}
