/** How views read the mesh. */
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";
import type { Mesh } from "@/core/mesh/mesh";
import type { TaskLog } from "@/core/mesh/tasklog";
import { asProblem, type Problem } from "@/core/problem";
import { Slice } from "@/core/slice";

export const MeshContext = createContext<Mesh | null>(null);

export function useMesh(): Mesh {
  const mesh = useContext(MeshContext);
  if (!mesh) throw new Error("There is no mesh above this view");
  return mesh;
}

/** The value of a slice; the view is drawn anew when it changes. */
export function useSlice<T>(slice: Slice<T>): T {
  return useSyncExternalStore(slice.subscribe, slice.shown);
}

const clocks = new Map<number, Slice<number>>();

/** The time, moving on every so many ms; all views share one clock. */
export function useNow(every: number): number {
  let clock = clocks.get(every);
  if (!clock) {
    const made = new Slice(Date.now());
    setInterval(() => document.visibilityState === "visible" && made.set(Date.now()), every);
    clocks.set(every, made);
    clock = made;
  }
  return useSlice(clock);
}

const NO_LOG = new Slice<TaskLog>({ events: [], writing: [], isWhole: false, problem: null });

/** The log of a task, followed while the view is there. */
export function useTaskLog(taskId: string): TaskLog {
  const mesh = useMesh();
  const [slice, setSlice] = useState<Slice<TaskLog>>(NO_LOG);
  useEffect(() => {
    const [store, unwatch] = mesh.watch(taskId);
    setSlice(store.slice);
    return unwatch;
  }, [mesh, taskId]);
  return useSlice(slice);
}

export interface Loading<T> {
  readonly data: T | undefined;
  readonly problem: Problem | null;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** What a request gives, asked for anew when `keys` change; what is there stays meanwhile. */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  keys: readonly unknown[],
): Loading<T> {
  const [state, setState] = useState<{
    data: T | undefined;
    problem: Problem | null;
    isLoading: boolean;
  }>({
    data: undefined,
    problem: null,
    isLoading: true,
  });
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the caller says what it depends on
  useEffect(() => {
    const controller = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    load(controller.signal).then(
      (data) => setState({ data, problem: null, isLoading: false }),
      (error: unknown) => {
        if (!controller.signal.aborted)
          setState((before) => ({ ...before, problem: asProblem(error), isLoading: false }));
      },
    );
    return () => controller.abort();
  }, [...keys, turn]);
  return { ...state, reload: () => setTurn((before) => before + 1) };
}

/** Whether the window is as narrow as a phone. */
export function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia("(max-width: 760px)").matches);
  useEffect(() => {
    const query = matchMedia("(max-width: 760px)");
    const change = () => setNarrow(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return narrow;
}
