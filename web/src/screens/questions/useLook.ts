/** Lets others know that somebody looks at a question, or writes an answer. */
import { useCallback, useEffect, useRef, useState } from "react";
import { useMesh } from "@/app/hooks";

const AGAIN_MS = 10_000;
const TYPING_MS = 4_000;

/** Say so as long as `isWatched`; returns what to call when something is written. */
export function useLook(taskId: string, questionId: string, isWatched: boolean): () => void {
  const mesh = useMesh();
  const [isTyping, setTyping] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => {
    if (!isWatched) return;
    const tell = () =>
      document.visibilityState === "visible" &&
      mesh.look(taskId, questionId, isTyping ? "typing" : "looking");
    const change = () =>
      document.visibilityState === "visible" ? tell() : mesh.look(taskId, questionId, "left");
    tell();
    const interval = setInterval(tell, AGAIN_MS);
    document.addEventListener("visibilitychange", change);
    return () => {
      clearInterval(interval);
      document.removeEventListener("visibilitychange", change);
    };
  }, [mesh, taskId, questionId, isWatched, isTyping]);

  useEffect(() => {
    if (!isWatched) return;
    return () => mesh.look(taskId, questionId, "left");
  }, [mesh, taskId, questionId, isWatched]);

  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    setTyping(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setTyping(false), TYPING_MS);
  }, []);
}
