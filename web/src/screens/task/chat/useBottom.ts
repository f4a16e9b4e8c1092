/** Keeps a scrolling box at its end while things come, unless a person has scrolled up. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const NEAR = 40;

export function useBottom(count: number): {
  ref: (box: HTMLElement | null) => void;
  /** How many things have come since the person scrolled up. */
  unseen: number;
  toEnd: () => void;
  /** Whether the end is in sight. */
  isAtEnd: () => boolean;
} {
  const [box, setBox] = useState<HTMLElement | null>(null);
  const isAtEnd = useRef(true);
  const seen = useRef(count);
  const [unseen, setUnseen] = useState(0);

  const toEnd = useCallback(() => {
    if (!box) return;
    isAtEnd.current = true;
    box.scrollTop = box.scrollHeight;
  }, [box]);

  useEffect(() => {
    if (!box) return;
    const onScroll = () => {
      isAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
      if (isAtEnd.current) setUnseen(0);
    };
    // Text grows while it is written, and images when they are there.
    const follow = new ResizeObserver(() => {
      if (isAtEnd.current) box.scrollTop = box.scrollHeight;
    });
    const observe = () => {
      for (const child of box.children) follow.observe(child);
    };
    observe();
    // Questions, and what it waits for, come and go below the lines.
    const children = new MutationObserver(observe);
    children.observe(box, { childList: true });
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      follow.disconnect();
      children.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, [box]);

  useLayoutEffect(() => {
    if (isAtEnd.current) {
      seen.current = count;
      setUnseen(0);
      if (box) box.scrollTop = box.scrollHeight;
    } else {
      seen.current = Math.min(seen.current, count);
      setUnseen(count - seen.current);
    }
  }, [box, count]);

  return { ref: setBox, unseen, toEnd, isAtEnd: () => isAtEnd.current };
}
