/** What the task sent to others, and what it received. */
import { ArrowLeft, ArrowRight } from "lucide-react";
import { useMemo } from "react";
import { Link } from "wouter";
import { useLoad } from "@/app/hooks";
import { paths } from "@/app/places";
import { api } from "@/core/api";
import type { Json, Task } from "@/core/protocol";
import { clock, moment, textOf } from "@/core/text";
import { Badge, Empty, Name } from "@/kit";
import { exchanged } from "./exchange";
import type { Shown } from "./useTask";
import "./exchange.css";

export function MessagesTab({ task, shown }: { task: Task; shown: Shown }) {
  const { view } = shown;
  const messages = useMemo(() => exchanged(view, task.id), [view, task.id]);
  const sent = messages.filter((one) => one.isSent && one.taskId).length;
  // The log keeps what was sent by its id; its words are with the conversation.
  const said = useLoad(
    (signal) =>
      sent === 0
        ? Promise.resolve(new Map<string, string>())
        : api
            .messages({ context: task.context_id, limit: 200 }, signal)
            .then(
              (page) =>
                new Map(page.messages.map((one) => [one.message_id, textOf(one.content as Json)])),
            ),
    [task.context_id, sent],
  );
  if (messages.length === 0) return <Empty>It has sent and received nothing yet.</Empty>;
  return (
    <div className="task-body scroll">
      <ol className="exchange">
        {messages.map((one) => (
          <li key={one.key} className={one.isBad ? "bad" : ""}>
            <span
              className="exchange-way"
              role="img"
              aria-label={one.isSent ? "sent to" : "received from"}
            >
              {one.isSent ? <ArrowRight size={15} /> : <ArrowLeft size={15} />}
            </span>
            <Badge tone={one.kind}>{one.kind}</Badge>
            <Name name={one.with || "somebody"} />
            <span className="exchange-text">
              {one.text || said.data?.get(one.messageId) || <span className="muted">–</span>}
            </span>
            {one.taskId && <Link href={paths.task(one.taskId)}>task</Link>}
            <time className="num muted" dateTime={one.at} title={moment(one.at)}>
              {clock(Date.parse(one.at))}
            </time>
          </li>
        ))}
      </ol>
    </div>
  );
}
