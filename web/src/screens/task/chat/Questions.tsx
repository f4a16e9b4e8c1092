/** The questions of a task: open ones to be answered, others with their answer. */
import { CircleHelp, Lock } from "lucide-react";
import { useState } from "react";
import { useMesh, useSlice } from "@/app/hooks";
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

/** What the task asks now: at the end, where it is read and answered. */
export function OpenQuestions({ task, view }: { task: Task; view: TaskView }) {
  const mesh = useMesh();
  const known = useSlice(mesh.questions.slice);
  /** Whether one was answered here: then the focus goes on to the next, unless it is elsewhere. */
  const [movesOn, setMovesOn] = useState(false);
  if (FINAL_STATES.has(view.state)) return null;
  const open = view.items
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
  return open.map((asked) => (
    <div key={asked.question.id} className="tlog-question">
      <QuestionCard
        asked={asked}
        autoFocus={movesOn && asked === next && isFree()}
        onAnswered={() => setMovesOn(true)}
      />
    </div>
  ));
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

/** Whether the focus is nowhere, or on a question: whoever writes elsewhere keeps it. */
const isFree = (): boolean => {
  const { activeElement: focused } = document;
  return focused === null || focused === document.body || focused.closest(".qcard") !== null;
};

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
