/** What a person should see of a task, from the message that opened it to its result. */
import { ArrowDown, ArrowUp, Hourglass, LoaderCircle } from "lucide-react";
import { Fragment, useState } from "react";
import { useMesh, useNow, useSlice } from "@/app/hooks";
import type { Writing } from "@/core/mesh/tasklog";
import type { Task } from "@/core/protocol";
import { agentToken, clock, day, duration } from "@/core/text";
import { Avatar, Button, Empty, Name } from "@/kit";
import { Markdown } from "@/kit/Markdown";
import type { Shown } from "../useTask";
import type { TaskView } from "../view";
import { Line } from "./Line";
import { placeOf } from "./placeOf";
import { OpenQuestions } from "./Questions";
import { useBottom } from "./useBottom";
import "./chat.css";

/** So many lines are there at first; earlier ones come when they are asked for. */
const MOST = 200;

export function ChatTab({ task, shown }: { task: Task; shown: Shown }) {
  const { view, log, point } = shown;
  const [most, setMost] = useState(MOST);
  const isNow = point === null;
  const writing = isNow ? log.writing : [];
  const { items } = view;
  const first = Math.max(0, items.length - most);
  const lines = items.slice(first);
  const bottom = useBottom(items.length + writing.length);
  return (
    <div className="tlog-wrap">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard */}
      <section ref={bottom.ref} className="tlog scroll" aria-label="Chat of the task" tabIndex={0}>
        <ol>
          {first > 0 && (
            <li className="tlog-earlier">
              <Button onPress={() => setMost(most + MOST)}>
                <ArrowUp size={14} aria-hidden="true" /> {first} earlier
              </Button>
            </li>
          )}
          {items.length === 0 && (
            <li>
              <Empty icon={<Hourglass size={26} />}>
                Nothing has happened yet: the task waits for its turn.
              </Empty>
            </li>
          )}
          {lines.map((item, index) => (
            <Fragment key={`${item.sequence}:${item.kind}`}>
              <Line item={item} agent={task.agent} contextId={task.context_id} isPast={!isNow} />
              {writing
                .filter((one) => placeOf(lines, one.after) === index)
                .map((one) => (
                  <Written key={one.key} writing={one} agent={task.agent} />
                ))}
            </Fragment>
          ))}
        </ol>
        {isNow && <OpenQuestions task={task} view={view} bottom={bottom} />}
        <Status task={task} view={view} isNow={isNow} isWriting={writing.length > 0} />
      </section>
      {bottom.unseen > 0 && (
        <Button className="tlog-unseen" onPress={bottom.toEnd}>
          <ArrowDown size={14} aria-hidden="true" /> {bottom.unseen} new
        </Button>
      )}
    </div>
  );
}

/** A text while it is being written. */
function Written({ writing, agent }: { writing: Writing; agent: string }) {
  return (
    <li className="tlog-line said">
      <Avatar name={agent} size={28} />
      <div className="tlog-main">
        <header>
          <Name name={agent} />
          <span className="tlog-typing">writes …</span>
        </header>
        <Markdown text={writing.from > 0 ? `… ${writing.text}` : writing.text} live />
      </div>
    </li>
  );
}

interface StatusProps {
  task: Task;
  view: TaskView;
  isNow: boolean;
  isWriting: boolean;
}

/** What it does or waits for right now. */
function Status({ task, view, isNow, isWriting }: StatusProps) {
  const mesh = useMesh();
  const agents = useSlice(mesh.agents.slice);
  const now = useNow(1_000);
  if (view.items.length === 0 || view.items.at(-1)?.kind === "end" || !isNow) return null;
  const isServed = agents.some((one) => one.token === agentToken(task.agent) && one.online);
  if (view.rests === "")
    return isWriting || view.items.at(-1)?.kind === "progress" ? null : (
      <p className="tlog-status">
        <LoaderCircle size={14} className="tlog-spin" aria-hidden="true" /> {task.agent} works …{" "}
        {progressOf(view)}
      </p>
    );
  const until = Date.parse(view.againAt);
  const left = until - now;
  const due = Number.isNaN(until)
    ? ""
    : left > 0
      ? `, in ${duration(Math.ceil(left / 1000) * 1000)}`
      : ", any moment";
  const words = {
    worker: isServed ? "It waits for its turn." : "It waits for somebody who serves it.",
    person: "It waits for the answer, in no process; it goes on wherever it is served.",
    time: `It rests until ${Number.isNaN(until) ? "its time" : when(until)}${due}.`,
    task: "It rests until another task ends.",
    retry: `Its next attempt begins${due || " soon"}.`,
  };
  return <p className="tlog-status">{words[view.rests]}</p>;
}

/** How far it is, for whom the bar is out of sight. */
function progressOf({ progress }: TaskView): string {
  if (!progress) return "";
  const { text, fraction } = progress;
  const part = fraction === null ? "" : `${Math.round(fraction * 100)} %`;
  return [text, part].filter(Boolean).join(", ");
}

const when = (at: number): string =>
  day(at) === day(Date.now()) ? clock(at) : `${day(at)}, ${clock(at)}`;
