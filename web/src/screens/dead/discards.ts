/** Letters that are about to be thrown away: for some seconds that can be undone. */
import { Slice } from "@/core/slice";

export const UNDO_MS = 6_000;

export interface Discards {
  /** Ids of what is not shown any more. */
  readonly hidden: Slice<ReadonlySet<string>>;
  /** Throw away in a while. Returns how to undo that. */
  discard(ids: readonly string[]): () => void;
  /** Throw away at once what waits. */
  flush(): void;
}

/** `send` throws one away; what it fails at is shown again, and told. */
export function discardsOf(
  send: (id: string) => Promise<void>,
  onFailure: (id: string, error: unknown) => void,
): Discards {
  const hidden = new Slice<ReadonlySet<string>>(new Set());
  const waiting = new Map<ReturnType<typeof setTimeout>, readonly string[]>();

  const show = (ids: readonly string[]): void => {
    const left = new Set(hidden.value);
    for (const id of ids) left.delete(id);
    hidden.set(left);
  };
  const sendAll = (timer: ReturnType<typeof setTimeout>): void => {
    const ids = waiting.get(timer) ?? [];
    clearTimeout(timer);
    waiting.delete(timer);
    for (const id of ids)
      send(id).catch((error: unknown) => {
        show([id]);
        onFailure(id, error);
      });
  };
  return {
    hidden,
    discard(ids) {
      hidden.set(new Set([...hidden.value, ...ids]));
      const timer = setTimeout(() => sendAll(timer), UNDO_MS);
      waiting.set(timer, ids);
      return () => {
        if (!waiting.delete(timer)) return;
        clearTimeout(timer);
        show(ids);
      };
    },
    flush() {
      for (const timer of [...waiting.keys()]) sendAll(timer);
    },
  };
}
