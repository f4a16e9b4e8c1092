/** A list that runs by faster than one can read is shown less often. */
import { useEffect, useRef, useState } from "react";
import type { Feed } from "@/core/mesh/feed";

/** From so many new messages at once on, the list is shown anew only so often. */
const MANY = 8;
const EVERY_MS = 400;

/** The feed, at once while little happens, and now and then while it rushes. */
export function useSteady(feed: Feed): Feed {
  const [shown, setShown] = useState(feed);
  const latest = useRef(feed);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const rushes = feed.total - latest.current.total >= MANY;
  const isOld = feed.before !== shown.before;
  useEffect(() => {
    latest.current = feed;
    if (!rushes && timer.current === undefined) {
      setShown(feed);
      return;
    }
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      setShown(latest.current);
    }, EVERY_MS);
  }, [feed, rushes]);
  useEffect(() => () => clearTimeout(timer.current), []);
  // An older page, and what is there at first, are shown at once.
  return isOld || shown.messages.length === 0 ? feed : shown;
}
