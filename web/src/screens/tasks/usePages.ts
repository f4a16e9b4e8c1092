/** Pages of tasks from the server, more of them as one scrolls. */
import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "@/core/api";
import { asProblem, type Problem } from "@/core/problem";
import type { Task } from "@/core/protocol";
import { VIEW_STATES, type View } from "./rows";

const PAGE = 100;

interface Pages {
  readonly tasks: readonly Task[];
  /** Where the next page begins; null behind the last. */
  readonly before: string | null;
  readonly isRead: boolean;
  readonly problem: Problem | null;
}

const NONE: Pages = { tasks: [], before: null, isRead: false, problem: null };

/** Those that are in a view; read anew when something was left out, of which `gaps` is the count. */
export function usePages(
  view: View,
  agent: string,
  gaps: number,
): Pages & { isLoading: boolean; readMore: () => void; reload: () => void } {
  const [pages, setPages] = useState<Pages>(NONE);
  const [isLoading, setLoading] = useState(false);
  const reading = useRef<AbortController | null>(null);

  const read = useCallback(
    async (before: string | null) => {
      reading.current?.abort();
      const controller = new AbortController();
      reading.current = controller;
      setLoading(true);
      try {
        const query = { state: [...VIEW_STATES[view]], agent, before, limit: PAGE };
        const page = await api.tasks(query, controller.signal);
        setPages((old) => ({
          tasks: before === null ? page.tasks : [...old.tasks, ...page.tasks],
          before: page.before,
          isRead: true,
          problem: null,
        }));
      } catch (error) {
        if (controller.signal.aborted) return;
        setPages((old) => ({ ...old, isRead: true, problem: asProblem(error) }));
      }
      setLoading(false);
    },
    [view, agent],
  );

  useEffect(() => {
    setPages(NONE);
    void read(null);
    return () => reading.current?.abort();
  }, [read]);

  const known = useRef(gaps);
  useEffect(() => {
    if (known.current === gaps) return;
    known.current = gaps;
    void read(null);
  }, [gaps, read]);

  return {
    ...pages,
    isLoading,
    readMore: () => {
      if (!isLoading && pages.before !== null) void read(pages.before);
    },
    reload: () => void read(null),
  };
}
