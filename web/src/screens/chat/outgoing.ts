/** What the person has said in a place and is not part of the conversation yet. */
import { useEffect, useRef, useState } from "react";
import { useMesh, useSlice } from "@/app/hooks";
import type { Message } from "@/core/mesh/message";
import type { Outgoing } from "@/core/mesh/outbox";

const LINGERS_MS = 4_000;

/** What is in the outbox, and for a moment what has just left it: until it has come back as said. */
export function useOutgoing(
  fits: (one: Outgoing) => boolean,
  messages: readonly Message[],
): readonly Outgoing[] {
  const { outbox } = useMesh();
  const box = useSlice(outbox.slice);
  const before = useRef<readonly Outgoing[]>([]);
  const [left, setLeft] = useState<readonly Outgoing[]>([]);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());
  useEffect(() => {
    const { current } = timers;
    return () => {
      for (const timer of current) clearTimeout(timer);
    };
  }, []);
  useEffect(() => {
    const here = new Set(box.map((one) => one.id));
    const gone = before.current.filter((one) => !here.has(one.id) && !one.problem);
    before.current = box;
    if (gone.length === 0) return;
    setLeft((now) => [...now, ...gone]);
    // Each goes in its own time, also if more is said meanwhile.
    const timer = setTimeout(() => {
      timers.current.delete(timer);
      setLeft((now) => now.filter((one) => !gone.includes(one)));
    }, LINGERS_MS);
    timers.current.add(timer);
  }, [box]);
  const latest = new Set(messages.slice(-200).map((one) => one.id));
  const lingering = left.filter((one) => !latest.has(outbox.stored.get(one.id) ?? ""));
  return useStable([...lingering, ...box].filter(fits));
}

/** The same list as before, as long as it holds the same. */
function useStable<T>(list: readonly T[]): readonly T[] {
  const kept = useRef(list);
  const isSameList =
    kept.current.length === list.length && kept.current.every((one, place) => one === list[place]);
  if (!isSameList) kept.current = list;
  return kept.current;
}
