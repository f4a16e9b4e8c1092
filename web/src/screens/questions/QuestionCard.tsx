/** A question to a person, with the means to answer it. */
import { Eye, Hourglass, Keyboard } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { useMesh, useNow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import type { OpenQuestion } from "@/core/mesh/questions";
import { asProblem, type Problem } from "@/core/problem";
import type { Answer, Question } from "@/core/protocol";
import { clock } from "@/core/text";
import { Ago, Avatar, Badge, Failure, Name } from "@/kit";
import { Markdown } from "@/kit/Markdown";
import { ApprovalAnswer } from "./ApprovalAnswer";
import { ArgumentList } from "./ArgumentList";
import type { Arguments } from "./arguments";
import { ChoiceAnswer } from "./ChoiceAnswer";
import { type AnswerForm, noteMoved } from "./form";
import { Outcome } from "./Outcome";
import { SecretAnswer } from "./SecretAnswer";
import { TextAnswer } from "./TextAnswer";
import { useLook } from "./useLook";
import {
  countdown,
  hasOwnPrompt,
  headline,
  kindName,
  timeLeft,
  whoAnswered,
  whoLooks,
} from "./words";
import "./questions.css";

const HOT_MS = 60_000;

export function QuestionCard({
  asked,
  autoFocus = false,
  compact = false,
  isInTask = false,
  onAnswered,
}: {
  asked: OpenQuestion;
  autoFocus?: boolean;
  compact?: boolean;
  /** Whether it is on its task's page, and needs no link to it. */
  isInTask?: boolean;
  onAnswered?: () => void;
}) {
  const { task, question, answered } = asked;
  const mesh = useMesh();
  const card = useRef<HTMLElement>(null);
  const [draft, setDraft] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [hasFocus, setFocus] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const readOnly = useReadOnly(asked, problem);
  const blocked = useBlocked(question);
  const isOpen = !answered && !readOnly;
  const type = useLook(task.id, question.id, !answered && (hasFocus || !compact));

  const send = async (answer: Answer) => {
    setBusy(true);
    setProblem(null);
    try {
      await mesh.answer(task.id, question.id, answer);
      setDraft("");
      noteMoved();
      onAnswered?.();
    } catch (error) {
      const found = asProblem(error);
      // The card itself tells whose answer counted, unless the question has gone meanwhile.
      const isTold = mesh.questions.get(task.id, question.id)?.answered;
      if (found.code !== "already-answered" || !isTold) setProblem(found);
    } finally {
      setBusy(false);
    }
  };
  const form: AnswerForm = {
    card,
    question,
    autoFocus,
    isBusy,
    isBlocked: blocked !== "",
    draft,
    onDraft: (text) => {
      setDraft(text);
      if (text) type();
    },
    onAnswer: send,
  };

  useEffect(() => {
    if (autoFocus && !isOpen) card.current?.focus();
  }, [autoFocus, isOpen]);

  return (
    <article
      ref={card}
      className={`qcard ${compact ? "compact" : ""}`}
      data-answered={answered ? "" : undefined}
      tabIndex={-1}
      aria-label={`${task.agent} asks: ${headline(question)}`}
      aria-busy={isBusy}
      onFocus={() => setFocus(true)}
      onBlur={(event) => setFocus(event.currentTarget.contains(event.relatedTarget))}
    >
      <Head asked={asked} compact={compact} isInTask={isInTask} />
      <Asks question={question} />
      {isOpen && <Form form={form} onTyping={type} />}
      {readOnly && !answered && <Read question={question} />}
      {answered && <Outcome asked={asked} answered={answered} unsent={isBusy ? "" : draft} />}
      {!answered && (readOnly || blocked) && (
        <p className="qcard-blocked">
          <Keyboard size={15} aria-hidden="true" /> {readOnly || blocked}
        </p>
      )}
      {isOpen && problem && <Failure problem={problem} />}
      <span className="hidden-label" role="status">
        {answered ? whoAnswered(answered, mesh.session.user) : isBusy ? "Sending" : ""}
      </span>
    </article>
  );
}

function Head({
  asked,
  compact,
  isInTask,
}: {
  asked: OpenQuestion;
  compact: boolean;
  isInTask: boolean;
}) {
  const { task, question, looks, answered } = asked;
  const { user } = useMesh().session;
  const others = whoLooks(looks, user);
  return (
    <header className="qcard-head">
      <Avatar name={task.agent} size={compact ? 22 : 28} />
      <div className="qcard-who">
        <Name name={task.agent} />
        <Badge tone="question">{kindName(question)}</Badge>
        {task.owner && task.owner !== user && <span className="muted">for {task.owner}</span>}
      </div>
      {others && (
        <span className="qcard-looks">
          <Eye size={14} aria-hidden="true" /> {others}
        </span>
      )}
      {question.expires_at && !answered && <Expiry question={question} />}
      <span className="qcard-age">
        <Ago at={question.asked_at} />
      </span>
      {!isInTask && <Link href={paths.task(task.id)}>Task</Link>}
    </header>
  );
}

function Expiry({ question }: { question: Question }) {
  const left = timeLeft(question, useNow(1_000)) ?? 0;
  return (
    <span className={`qcard-expiry num ${left < HOT_MS ? "hot" : ""}`}>
      <Hourglass size={13} aria-hidden="true" />
      {left > 0 ? `${countdown(left)} left` : "too late"}
    </span>
  );
}

function Asks({ question }: { question: Question }) {
  const { prompt, tool, reason } = question;
  if (question.kind !== "approval") return <Prompt text={headline(question)} />;
  return (
    <>
      <p className="qcard-tool">
        Wants to use <code>{tool || "a tool"}</code>
      </p>
      {hasOwnPrompt(question) && <Prompt text={prompt} />}
      {reason && <p className="qcard-reason">{reason}</p>}
    </>
  );
}

function Prompt({ text }: { text: string }) {
  return (
    <div className="qcard-prompt">
      <Markdown text={text} />
    </div>
  );
}

function Form({ form, onTyping }: { form: AnswerForm; onTyping: () => void }) {
  const { kind, secret } = form.question;
  if (kind === "approval") return <ApprovalAnswer {...form} />;
  if (kind !== "text") return <ChoiceAnswer {...form} />;
  return secret ? <SecretAnswer {...form} onTyping={onTyping} /> : <TextAnswer {...form} />;
}

/** What can be read of a question by who may not answer it. */
function Read({ question }: { question: Question }) {
  if (question.kind === "approval")
    return <ArgumentList args={(question.arguments ?? {}) as Arguments} />;
  const listed = question.kind === "text" ? question.suggestions : question.choices;
  if (!listed || listed.length === 0) return null;
  return (
    <ul className="qcard-read">
      {listed.map((one) => (
        <li key={one}>{one}</li>
      ))}
    </ul>
  );
}

/** Why this person may only read it; empty if they may answer. */
function useReadOnly({ task }: OpenQuestion, problem: Problem | null): string {
  const mesh = useMesh();
  const { role } = mesh.session;
  if (problem?.status === 403) return problem.message;
  if (mesh.mayAnswer(task)) return "";
  return `Only ${task.owner} or an operator can answer this; your role is ${role}.`;
}

/** Why nothing can be sent just now; empty if it can. */
function useBlocked(question: Question): string {
  const mesh = useMesh();
  const { state } = useSlice(mesh.link);
  const left = timeLeft(question, useNow(1_000));
  if (state === "offline") return "You are offline: answers are off until the gateway is back.";
  if (left === 0) return `It could be answered until ${clock(Date.parse(question.expires_at))}.`;
  return "";
}
