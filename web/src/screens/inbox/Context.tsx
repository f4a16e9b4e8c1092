/** What led to a question: what the task was started with, and what it has done since. */
import {
  ArrowUpRight,
  Bot,
  CornerDownRight,
  type LucideIcon,
  MessageSquareReply,
  Play,
  Send,
  TriangleAlert,
  Wrench,
} from "lucide-react";
import { Link } from "wouter";
import { useTaskLog } from "@/app/hooks";
import { paths } from "@/app/places";
import type { Task } from "@/core/protocol";
import { Ago, Failure, Panel, Skeleton } from "@/kit";
import { Markdown } from "@/kit/Markdown";
import { contextOf, type Line } from "./context";

export function Context({ task }: { task: Task }) {
  const { events, isWhole, problem } = useTaskLog(task.id);
  const lines = contextOf(task, events);
  return (
    <Panel
      className="inbox-context"
      title="What led here"
      actions={
        <Link href={paths.task(task.id)}>
          Open the task <ArrowUpRight size={14} aria-hidden="true" />
        </Link>
      }
    >
      {problem && <Failure problem={problem} />}
      {!isWhole && !problem && lines.length === 0 && <Skeleton lines={3} />}
      {isWhole && lines.length === 0 && <p className="inbox-silent">It has said nothing yet.</p>}
      <ol>
        {lines.map((line) => (
          <ContextLine key={line.key} line={line} />
        ))}
      </ol>
    </Panel>
  );
}

function ContextLine({ line: { kind, who, text, at } }: { line: Line }) {
  const { icon: Icon, does } = KINDS[kind];
  return (
    <li className={kind}>
      <Icon size={15} aria-hidden="true" />
      <div>
        <span className="inbox-line-who">
          {who && <b>{who}</b>} {does}
        </span>{" "}
        {kind === "said" ? (
          <Markdown text={text} />
        ) : (
          <span className={kind === "tool" || kind === "result" ? "mono" : ""}>{text}</span>
        )}
      </div>
      <Ago at={at} />
    </li>
  );
}

const KINDS: { readonly [kind in Line["kind"]]: { icon: LucideIcon; does: string } } = {
  start: { icon: Play, does: "started it" },
  said: { icon: Bot, does: "said" },
  tool: { icon: Wrench, does: "called" },
  result: { icon: CornerDownRight, does: "got" },
  sent: { icon: Send, does: "sent a" },
  answer: { icon: MessageSquareReply, does: "answered" },
  trouble: { icon: TriangleAlert, does: "failed and tries again" },
};
