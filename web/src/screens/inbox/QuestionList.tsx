/** The questions that wait, one below the other. */
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  Check,
  CircleDot,
  Eye,
  ListChecks,
  LockKeyhole,
  type LucideIcon,
  MessageCircleQuestionMark,
  ShieldQuestionMark,
} from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { useMesh } from "@/app/hooks";
import { paths } from "@/app/places";
import type { OpenQuestion } from "@/core/mesh/questions";
import type { Question } from "@/core/protocol";
import { brief } from "@/core/text";
import { Ago, Avatar, Name } from "@/kit";
import { headline, kindName, whoAnswered, whoLooks } from "@/screens/questions/words";
import { keyOf } from "./order";

const ROW = 66;

export function QuestionList({
  questions,
  selected,
  onSelect,
}: {
  questions: readonly OpenQuestion[];
  selected: string;
  onSelect: (question: OpenQuestion) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: questions.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (ix) => (questions[ix] ? keyOf(questions[ix]) : ix),
    overscan: 8,
  });
  const at = questions.findIndex((one) => keyOf(one) === selected);
  useEffect(() => {
    if (at >= 0) rows.scrollToIndex(at, { align: "auto" });
  }, [at, rows]);
  return (
    <div ref={scroller} className="inbox-rows scroll">
      <ul aria-label="Open questions" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, key, start }) => {
          const asked = questions[index];
          return asked ? (
            <li key={key} style={{ transform: `translateY(${start}px)` }}>
              <Row
                asked={asked}
                isSelected={keyOf(asked) === selected}
                onSelect={() => onSelect(asked)}
              />
            </li>
          ) : null;
        })}
      </ul>
    </div>
  );
}

function Row({
  asked,
  isSelected,
  onSelect,
}: {
  asked: OpenQuestion;
  isSelected: boolean;
  onSelect: () => void;
}) {
  const { task, question, answered, looks } = asked;
  const { user } = useMesh().session;
  const Icon = iconOf(question);
  const others = whoLooks(looks, user);
  return (
    <Link
      href={paths.question(task.id, question.id)}
      className={`inbox-row ${answered ? "answered" : ""}`}
      aria-current={isSelected ? "true" : undefined}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        onSelect();
      }}
    >
      <Avatar name={task.agent} size={30} />
      <span className="inbox-row-top">
        <Name name={task.agent} />
        <Icon size={14} role="img" aria-label={kindName(question)} />
        <Ago at={question.asked_at} />
      </span>
      <span className="inbox-row-text">
        {answered ? (
          <span className="inbox-row-done truncate">
            <Check size={14} aria-hidden="true" /> {whoAnswered(answered, user)}
          </span>
        ) : (
          <>
            <span className="truncate">{brief(headline(question), 120)}</span>
            {others && (
              <span className="inbox-row-looks">
                <Eye size={13} aria-hidden="true" /> <span className="truncate">{others}</span>
              </span>
            )}
          </>
        )}
      </span>
    </Link>
  );
}

function iconOf({ kind, secret }: Question): LucideIcon {
  if (kind === "approval") return ShieldQuestionMark;
  if (kind === "choice") return CircleDot;
  if (kind === "choices") return ListChecks;
  return secret ? LockKeyhole : MessageCircleQuestionMark;
}
