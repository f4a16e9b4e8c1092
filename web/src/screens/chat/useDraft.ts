/** The text of a composer. It is kept for its place when there is a pause in the writing, and when
 *  the place or the page is left: with each key it would slow down the writing of long texts. */
import { useCallback, useEffect, useRef, useState } from "react";
import { draftOf, keepDraft } from "./drafts";

const PAUSE_MS = 400;

export function useDraft(user: string, place: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => draftOf(user, place));
  const unkept = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const store = useCallback(() => {
    clearTimeout(timer.current);
    if (unkept.current !== null) keepDraft(user, place, unkept.current);
    unkept.current = null;
  }, [user, place]);
  useEffect(() => {
    window.addEventListener("pagehide", store);
    document.addEventListener("visibilitychange", store);
    return () => {
      window.removeEventListener("pagehide", store);
      document.removeEventListener("visibilitychange", store);
      store();
    };
  }, [store]);
  const change = useCallback(
    (next: string) => {
      setText(next);
      unkept.current = next;
      clearTimeout(timer.current);
      // What has been sent is no draft any more, whatever happens to the page.
      if (next === "") store();
      else timer.current = setTimeout(store, PAUSE_MS);
    },
    [store],
  );
  return [text, change];
}
