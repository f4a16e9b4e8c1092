/** What waits for a person, to be answered right here. */
import { CircleCheck } from "lucide-react";
import { Link } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { QuestionCard } from "@/screens/questions/QuestionCard";

const MOST = 3;

export function Waiting() {
  const questions = useSlice(useMesh().questions.slice);
  const open = questions.filter((one) => !one.answered).length;
  return (
    <section className="home-part" aria-label="Waiting for you">
      <header>
        <h2>Waiting for you</h2>
        {open > 0 && <span className="count hot num">{open}</span>}
        {open > MOST && <Link href="/inbox">All of them</Link>}
      </header>
      {questions.length === 0 ? (
        <p className="home-calm">
          <CircleCheck size={16} aria-hidden="true" /> Nothing waits for you.
        </p>
      ) : (
        questions
          .slice(0, MOST)
          .map((asked) => (
            <QuestionCard key={`${asked.task.id}/${asked.question.id}`} asked={asked} compact />
          ))
      )}
    </section>
  );
}
