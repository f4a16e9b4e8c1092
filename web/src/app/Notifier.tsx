/** Tells of questions that land while the person looks elsewhere, as they have chosen. */
import { useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { brief } from "@/core/text";
import { headline } from "@/screens/questions/words";
import { useMesh, useSlice } from "./hooks";
import { landed } from "./landing";
import { chime, tell } from "./notifying";
import { paths } from "./places";
import { preferences } from "./preferences";

const MOST = 3;

export function Notifier() {
  const mesh = useMesh();
  const [, go] = useLocation();
  const questions = useSlice(mesh.questions.slice);
  const isLoaded = useSlice(mesh.loaded).questions?.done ?? false;
  const seen = useRef<ReadonlySet<string> | null>(null);
  useEffect(() => {
    if (!isLoaded) return;
    const ours = questions.filter((one) => mesh.mayAnswer(one.task));
    const next = landed(seen.current ?? new Set(), ours);
    const isFirst = seen.current === null;
    seen.current = next.seen;
    if (isFirst || next.fresh.length === 0) return;
    const { notify, sound } = preferences.value;
    if (sound) chime();
    if (!notify || document.hasFocus()) return;
    for (const { task, question } of next.fresh.slice(0, MOST)) {
      const tag = `${task.id}/${question.id}`;
      const open = () => go(paths.question(task.id, question.id));
      tell(`${task.agent} asks`, brief(headline(question)), tag, open);
    }
  }, [mesh, questions, isLoaded, go]);
  return null;
}
