/** What waits for a person, to be answered right here. */
import { CircleCheck } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { useMesh, useNarrow, useSlice } from "@/app/hooks";
import type { OpenQuestion } from "@/core/mesh/questions";
import { QuestionCard } from "@/screens/questions/QuestionCard";

const MOST = 3;

export function Waiting() {
  const mesh = useMesh();
  const questions = useSlice(mesh.questions.slice).filter((one) => mesh.mayAnswer(one.task));
  const isLoaded = useSlice(mesh.loaded).questions?.done ?? false;
  const open = questions.filter((one) => !one.answered);
  const [focused, answered] = useFocused(open[0]);
  return (
    <section className="home-part" aria-label="Waiting for you">
      <header>
        <h2>Waiting for you</h2>
        {open.length > 0 && <span className="count hot num">{open.length}</span>}
        {open.length > MOST && <Link href="/inbox">All of them</Link>}
      </header>
      {!isLoaded ? null : questions.length === 0 ? (
        <p className="home-calm">
          <CircleCheck size={16} aria-hidden="true" /> Nothing waits for you.
        </p>
      ) : (
        questions
          .slice(0, MOST)
          .map((asked) => (
            <QuestionCard
              key={keyOf(asked)}
              asked={asked}
              autoFocus={keyOf(asked) === focused}
              onAnswered={answered}
              compact
            />
          ))
      )}
    </section>
  );
}

const keyOf = ({ task, question }: OpenQuestion): string => `${task.id}/${question.id}`;

/** Which card takes the focus, so that one key answers it: the first, unless the person is busy
 *  elsewhere on the page. On a phone none does: it would open the keyboard. */
function useFocused(first: OpenQuestion | undefined): [string, () => void] {
  const narrow = useNarrow();
  const [focused, setFocused] = useState("");
  const isMovingOn = useRef(false);
  const key = first ? keyOf(first) : "";
  useEffect(() => {
    const isFree = document.activeElement === document.body || isMovingOn.current;
    isMovingOn.current = false;
    if (key && isFree && !narrow) setFocused(key);
  }, [key, narrow]);
  const answered = () => {
    isMovingOn.current = true;
  };
  return [focused, answered];
}
