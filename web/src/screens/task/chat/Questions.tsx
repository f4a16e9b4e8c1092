/** The questions of a task: open ones to be answered, others with their answer. */
import { CircleHelp, Lock } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useMesh, useNarrow, useSlice } from "@/app/hooks";
import type { OpenQuestion } from "@/core/mesh/questions";
import type { Json, Question, Task } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { Badge } from "@/kit";
import { Markdown } from "@/kit/Markdown";
import { QuestionCard } from "@/screens/questions/QuestionCard";
import { object } from "../facts";
import { Since } from "../Since";
import type { Given, ItemOf, TaskView } from "../view";
import { Fold } from "./Fold";
import { Time } from "./Time";
import type { useBottom } from "./useBottom";

type Bottom = Pick<ReturnType<typeof useBottom>, "isAtEnd" | "unseen">;

/** What the task asks now: at the end, where it is read and answered. */
export function OpenQuestions({
  task,
  view,
  bottom,
}: {
  task: Task;
  view: TaskView;
  bottom: Bottom;
}) {
  const mesh = useMesh();
  const known = useSlice(mesh.questions.slice);
  const open = FINAL_STATES.has(view.state)
    ? []
    : view.items
        .filter(
          (item): item is ItemOf<"question"> =>
            item.kind === "question" && !item.answer && !item.isGone,
        )
        .map(
          ({ question }): OpenQuestion =>
            known.find((one) => one.task.id === task.id && one.question.id === question.id) ??
            asOpen(task, task.questions?.find((one) => one.id === question.id) ?? question),
        );
  const next = open.find((one) => !one.answered);
  const [focused, answered] = useFocused(next?.question.id ?? "", bottom);
  return open.map((asked) => (
    <div key={asked.question.id} className="tlog-question">
      <QuestionCard
        asked={asked}
        autoFocus={asked.question.id === focused}
        onAnswered={answered}
        isInTask
      />
    </div>
  ));
}

/** Which question takes the focus, so that its keys work at once: the first that is open, when it
 *  comes into sight. On a phone none does, before one has been answered: it would open the keyboard. */
function useFocused(next: string, { isAtEnd, unseen }: Bottom): [string, () => void] {
  const narrow = useNarrow();
  const [focused, setFocused] = useState("");
  const before = useRef("");
  const isMovingOn = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever reads further up comes to it later
  useEffect(() => {
    if (next === before.current) return;
    if (next && !isAtEnd() && !isMovingOn.current) return;
    // Who wrote in a card that somebody else was quicker with writes on for a moment.
    const isTakenAway = before.current !== "" && !isMovingOn.current;
    before.current = next;
    if (!next) return;
    if (isFree() && !isTakenAway && (!narrow || isMovingOn.current)) setFocused(next);
    isMovingOn.current = false;
  }, [next, unseen, narrow]);
  const answered = () => {
    isMovingOn.current = true;
  };
  return [focused, answered];
}

/** Whether nobody would miss the focus: whoever writes or chooses elsewhere keeps it. */
function isFree(): boolean {
  const { activeElement: at } = document;
  return (
    at === null ||
    at === document.body ||
    at.matches("#main, .tlog") ||
    at.closest(".qcard[data-answered]") !== null
  );
}

/** A question that the inbox does not have (any more). */
const asOpen = (task: Task, question: Question): OpenQuestion => ({
  task,
  question,
  answered: question.answered_by
    ? { by: question.answered_by, at: question.answered_at, isPending: true }
    : null,
  looks: [],
});

/** A question where it was asked. One that is open has its card at the end of the chat. */
export function AskedLine({ item, isPast }: { item: ItemOf<"question">; isPast: boolean }) {
  const { question, answer, at, isGone } = item;
  if (!answer && !isGone && !isPast) return null;
  return (
    <li className="tlog-line">
      <div className={answer || isGone ? "tlog-asked" : "tlog-asked open"}>
        <header>
          <CircleHelp size={15} aria-hidden="true" />
          <Badge tone="question">{question.kind}</Badge>
          {question.tool && <code>{question.tool}</code>}
          <span className="grow" />
          <Time at={at} />
        </header>
        <Markdown text={question.prompt} />
        {question.reason && <p className="muted">{question.reason}</p>}
        {answer ? (
          <Answered question={question} answer={answer} />
        ) : (
          <p className="muted">
            {isGone ? "Nobody answered, and it is asked no more." : "Nobody had answered yet."}
          </p>
        )}
      </div>
    </li>
  );
}

function Answered({ question, answer }: { question: Question; answer: Given }) {
  if (answer.isTooLate) return <p className="tlog-asked-late">Nobody answered in time.</p>;
  return (
    <div className="tlog-asked-answer">
      <Value question={question} answer={answer} />
      <span className="muted">
        {answer.by || "somebody"} · <Since at={answer.at} />
      </span>
    </div>
  );
}

function Value({ question, answer }: { question: Question; answer: Given }) {
  if (answer.isHidden)
    return (
      <span className="tlog-asked-hidden">
        <Lock size={13} aria-hidden="true" /> The answer is a secret
      </span>
    );
  const { value } = answer;
  const decision = object(value);
  if (question.kind === "approval" && decision)
    return <Decided question={question} decision={decision} />;
  if (Array.isArray(value))
    return value.length === 0 ? (
      <span className="muted">none of them</span>
    ) : (
      <span className="tlog-asked-chosen">
        {value.map((one) => (
          <Badge key={String(one)} tone="question">
            {String(one)}
          </Badge>
        ))}
      </span>
    );
  return <b>{value === "" ? "(empty)" : String(value)}</b>;
}

function Decided({
  question,
  decision,
}: {
  question: Question;
  decision: { [key: string]: Json };
}) {
  const isYes = decision.decision === "approve";
  const changed = decision.arguments ?? null;
  const used = (changed ?? question.arguments ?? {}) as Json;
  const isChanged =
    changed !== null && JSON.stringify(changed) !== JSON.stringify(question.arguments);
  return (
    <span className="tlog-asked-decided">
      <b className={isYes ? "yes" : "no"}>
        {isYes ? (isChanged ? "Approved with changes" : "Approved") : "Rejected"}
      </b>
      {decision.comment ? <span>“{String(decision.comment)}”</span> : null}
      <Fold label={isYes ? "arguments" : "asked arguments"} value={used} />
    </span>
  );
}
