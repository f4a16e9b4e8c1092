/** The dead letters, read anew when some come or go. */
import { useEffect, useRef, useState } from "react";
import { useMesh, useSlice } from "@/app/hooks";
import { api } from "@/core/api";
import { asProblem, type Problem } from "@/core/problem";
import type { DeadLetter } from "@/core/protocol";
import { merged } from "./letters";

const PAGE = 200;
const PAUSE_MS = 1_000;

export interface Letters {
  readonly letters: readonly DeadLetter[];
  /** Where older ones begin; null if there are none. */
  readonly before: string | null;
  readonly problem: Problem | null;
  readonly isLoaded: boolean;
}

export interface LetterList extends Letters {
  readonly readOlder: () => void;
  readonly reload: () => void;
  /** Take out what is not there any more: older ones are not read anew. */
  readonly forget: (ids: readonly string[]) => void;
}

export function useLetters(): LetterList {
  const mesh = useMesh();
  const changes = useSlice(mesh.letters);
  const [state, setState] = useState<Letters>({
    letters: [],
    before: null,
    problem: null,
    isLoaded: false,
  });
  const [turn, setTurn] = useState(0);
  const readAt = useRef(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change or a turn reads once more
  useEffect(() => {
    const controller = new AbortController();
    const read = async () => {
      readAt.current = Date.now();
      try {
        const page = await api.deadLetters({ limit: PAGE }, controller.signal);
        setState((known) => {
          const letters = merged(page.dead_letters, page.before === null, known.letters);
          const isLonger = letters.length > page.dead_letters.length;
          const before = isLonger ? known.before : page.before;
          return { letters, before, problem: null, isLoaded: true };
        });
      } catch (error) {
        if (!controller.signal.aborted)
          setState((known) => ({ ...known, problem: asProblem(error) }));
      }
    };
    const wait = Math.max(0, readAt.current + PAUSE_MS - Date.now());
    const timer = setTimeout(read, wait);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [changes, turn]);

  const reading = useRef(false);
  const readOlder = async () => {
    const { before } = state;
    if (before === null || reading.current) return;
    reading.current = true;
    try {
      const page = await api.deadLetters({ before, limit: PAGE });
      setState((known) => ({
        ...known,
        letters: [...known.letters, ...page.dead_letters],
        before: page.before,
      }));
    } catch (error) {
      setState((known) => ({ ...known, problem: asProblem(error) }));
    } finally {
      reading.current = false;
    }
  };
  const forget = (ids: readonly string[]) => {
    const gone = new Set(ids);
    setState((known) => ({
      ...known,
      letters: known.letters.filter((one) => !gone.has(one.id)),
    }));
    setTurn((before) => before + 1);
  };
  return { ...state, readOlder, forget, reload: () => setTurn((before) => before + 1) };
}
