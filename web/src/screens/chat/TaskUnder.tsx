/** How the task stands that a message has opened: live, with what it writes and asks. */
import { ArrowUpRight } from "lucide-react";
import { useEffect } from "react";
import { Link } from "wouter";
import { useMesh, useSlice, useTaskLog } from "@/app/hooks";
import { paths } from "@/app/places";
import { api } from "@/core/api";
import type { Mesh } from "@/core/mesh/mesh";
import { asProblem } from "@/core/problem";
import type { Json, Task } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { brief, textOf } from "@/core/text";
import { StateBadge } from "@/kit";
import { Markdown } from "@/kit/Markdown";
import { QuestionCard } from "@/screens/questions/QuestionCard";
import { Folded } from "./Folded";
import "./task-under.css";

const askedFor = new WeakMap<Mesh, Set<string>>();

export function TaskUnder({ taskId }: { taskId: string }) {
  const mesh = useMesh();
  const task = useSlice(mesh.tasks.slice).find((one) => one.id === taskId);
  useEffect(() => {
    // A task that is gone is asked for once; its message stays without a state.
    const asked = askedFor.get(mesh) ?? new Set();
    askedFor.set(mesh, asked);
    if (task || asked.has(taskId)) return;
    asked.add(taskId);
    api.task(taskId).then(
      (found) => mesh.tasks.put([found]),
      (error: unknown) => asProblem(error).isPassing && asked.delete(taskId),
    );
  }, [mesh, task, taskId]);
  if (!task) return <TaskLink taskId={taskId} />;
  const params = written(task.metadata.params);
  const isOver = FINAL_STATES.has(task.state);
  return (
    <div className="under">
      <div className="under-line">
        <StateBadge state={task.state} />
        <TaskLink taskId={taskId} />
        {params && <span className="under-params truncate">{params}</span>}
        {task.error && <span className="under-error truncate">{brief(task.error)}</span>}
      </div>
      {!isOver && <Live task={task} />}
    </div>
  );
}

/** The parameters that a workflow was started with, in one line. */
function written(params: unknown): string {
  if (typeof params !== "object" || params === null) return "";
  return Object.entries(params)
    .map(([name, value]) => `${name}: ${brief(textOf(value as Json), 40)}`)
    .join(" · ");
}

function TaskLink({ taskId }: { taskId: string }) {
  return (
    <Link href={paths.task(taskId)} className="under-link">
      Task <code>{taskId.slice(0, 8)}</code> <ArrowUpRight size={13} aria-hidden="true" />
    </Link>
  );
}

function Live({ task }: { task: Task }) {
  const mesh = useMesh();
  const { events, writing } = useTaskLog(task.id);
  const questions = useSlice(mesh.questions.slice).filter((one) => one.task.id === task.id);
  const progress = events.findLast((one) => one.kind === "progress");
  const said = events.filter((one) => one.kind === "said" && typeof one.data.text === "string");
  const last = said.at(-1);
  const note = progress ? String(progress.data.text ?? progress.data.message ?? "") : "";
  return (
    <>
      {note && <p className="under-note">{brief(note)}</p>}
      {writing.length > 0
        ? writing.map((one) => (
            <Markdown key={one.key} text={(one.from > 0 ? "… " : "") + one.text} live />
          ))
        : last && (
            <Folded
              key={said.length}
              id={`said:${task.id}:${said.length}`}
              text={String(last.data.text)}
            />
          )}
      {questions.map((one) => (
        <QuestionCard key={one.question.id} asked={one} />
      ))}
    </>
  );
}
