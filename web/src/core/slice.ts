/** A value that views read, and are told of when it changes: at once, or at most every so many ms. */
export class Slice<T> {
  #value: T;
  #shown: T;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldAt = 0;
  readonly #every: number;
  readonly #listeners = new Set<() => void>();

  constructor(value: T, every = 0) {
    this.#value = value;
    this.#shown = value;
    this.#every = every;
  }

  /** What it is now, whether or not the views have been told. */
  get value(): T {
    return this.#value;
  }

  /** What the views have been told; the same object until the next time. */
  readonly shown = (): T => this.#shown;

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    const wait = this.#toldAt + this.#every - Date.now();
    if (wait <= 0) this.#tell();
    else this.#timer ??= setTimeout(this.#tell, wait);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly #tell = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#toldAt = Date.now();
    if (Object.is(this.#shown, this.#value)) return;
    this.#shown = this.#value;
    for (const listener of [...this.#listeners]) listener();
  };
}
