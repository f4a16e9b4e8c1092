/** Files on their way to the gateway, to go with a message. */
import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "@/core/api";
import { asProblem } from "@/core/problem";
import type { FileRef } from "@/core/protocol";
import { bytes } from "@/core/text";

const MOST_BYTES = 20 * 1024 * 1024;

export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  /** What it is at the gateway, once it is there. */
  readonly file: FileRef | null;
  readonly problem: string;
}

export interface Uploads {
  readonly all: readonly Upload[];
  readonly files: readonly FileRef[];
  readonly isBusy: boolean;
  readonly add: (files: Iterable<File>) => void;
  readonly remove: (id: string) => void;
  readonly clear: () => void;
}

export function useUploads(): Uploads {
  const [all, setAll] = useState<readonly Upload[]>([]);
  const running = useRef(new Map<string, AbortController>());
  useEffect(() => {
    const { current } = running;
    return () => {
      for (const controller of current.values()) controller.abort();
    };
  }, []);
  const add = useCallback((files: Iterable<File>) => {
    for (const file of files) {
      const id = crypto.randomUUID();
      const change = (to: Partial<Upload>) =>
        setAll((before) => before.map((one) => (one.id === id ? { ...one, ...to } : one)));
      const isTooLarge = file.size > MOST_BYTES;
      const problem = isTooLarge
        ? `Too large: ${bytes(file.size)} of at most ${bytes(MOST_BYTES)}`
        : "";
      setAll((before) => [
        ...before,
        { id, name: file.name, size: file.size, file: null, problem },
      ]);
      if (isTooLarge) continue;
      const controller = new AbortController();
      running.current.set(id, controller);
      api
        .upload(file, controller.signal)
        .then(
          (stored) => change({ file: stored }),
          (error: unknown) => change({ problem: reason(error) }),
        )
        .finally(() => running.current.delete(id));
    }
  }, []);
  const remove = useCallback((id: string) => {
    running.current.get(id)?.abort();
    setAll((before) => before.filter((one) => one.id !== id));
  }, []);
  const clear = useCallback(() => setAll([]), []);
  const files = all.flatMap((one) => one.file ?? []);
  const isBusy = all.some((one) => !one.file && !one.problem);
  return { all, files, isBusy, add, remove, clear };
}

function reason(error: unknown): string {
  const problem = asProblem(error);
  return problem.status === 413 ? "Too large for this gateway" : problem.message;
}
