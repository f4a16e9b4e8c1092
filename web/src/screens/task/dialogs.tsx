/** What is asked once more before something is done to a task. */
import { CircleCheck, TriangleAlert } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { useLoad, useMesh } from "@/app/hooks";
import { paths } from "@/app/places";
import { toast } from "@/app/toasts";
import { api } from "@/core/api";
import { asProblem, type Problem } from "@/core/problem";
import type { StoredEvent, Task } from "@/core/protocol";
import { Button, Dialog, Failure, JsonView, Skeleton } from "@/kit";
import { keptOf } from "./kept";

export interface Props {
  task: Task;
  isOpen: boolean;
  onClose: () => void;
}

export function Stop({ task, isOpen, onClose }: Props) {
  return (
    <Confirm
      title={`Stop this task of ${task.agent}?`}
      isOpen={isOpen}
      onClose={onClose}
      verb="Stop it"
      isBad
      onDo={async () => {
        await api.cancel(task.id);
        toast("The task is told to stop");
      }}
    >
      <p>It ends as canceled, and so do the tasks that it opened and waits for.</p>
      <p>What it has done already stays done.</p>
    </Confirm>
  );
}

/** Says what a new task from a point of the log takes over, and starts it. */
export function RunFrom({
  task,
  events,
  point,
  isOpen,
  onClose,
}: Props & { events: readonly StoredEvent[]; point: number }) {
  const mesh = useMesh();
  const [, go] = useLocation();
  const last = events[point - 1];
  const { kept, left } = keptOf(events, point);
  return (
    <Confirm
      title={`Run again from event ${point} of ${events.length}?`}
      isOpen={isOpen}
      onClose={onClose}
      verb="Run from here"
      onDo={async () => {
        const again = await api.rerun(task.id, last?.sequence ?? null);
        mesh.tasks.put([again]);
        toast(`${task.agent} runs again from event ${point}`);
        go(paths.task(again.id));
      }}
    >
      <p>A new task of {task.agent} begins with the same message. This one stays as it is.</p>
      <dl className="task-kept">
        <dt>Kept</dt>
        <dd>{kept.length > 0 ? kept.join(", ") : "nothing: it begins at the top"}</dd>
        <dt>Done anew</dt>
        <dd>
          everything behind that
          {left.length > 0 && `; here that was ${left.join(", ")}`}
        </dd>
      </dl>
    </Confirm>
  );
}

function Confirm({
  title,
  isOpen,
  onClose,
  verb,
  isBad = false,
  onDo,
  children,
}: {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  verb: string;
  isBad?: boolean;
  onDo: () => Promise<void>;
  children: ReactNode;
}) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const close = () => {
    setProblem(null);
    onClose();
  };
  const run = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await onDo();
      close();
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };
  return (
    <Dialog label={title} isOpen={isOpen} onClose={close} width={480}>
      <div className="task-dialog">
        <h2>{title}</h2>
        {children}
        {problem && <Failure problem={problem} />}
        <footer>
          <Button onPress={close}>Leave it</Button>
          <Button look={isBad ? "danger" : "primary"} isDisabled={isBusy} onPress={run} autoFocus>
            {verb}
          </Button>
        </footer>
      </div>
    </Dialog>
  );
}

export function ReplayCheck({ task, isOpen, onClose }: Props) {
  return (
    <Dialog label="Check against today's code" isOpen={isOpen} onClose={onClose} width={760}>
      <div className="task-dialog">
        <h2>Check against today's code</h2>
        <p>The code that is served now runs against this log. Nothing is done, nobody is asked.</p>
        <Checked task={task} />
        <footer>
          <Button onPress={onClose}>Close</Button>
        </footer>
      </div>
    </Dialog>
  );
}

function Checked({ task }: { task: Task }) {
  const { data, problem, isLoading, reload } = useLoad(() => api.replay(task.id), [task.id]);
  if (problem) return <Failure problem={problem} onRetry={reload} />;
  if (!data || isLoading) return <Skeleton lines={3} />;
  const calls = `${data.steps} ${data.steps === 1 ? "call" : "calls"}`;
  if (data.fits)
    return (
      <p className="task-fits">
        <CircleCheck size={17} aria-hidden="true" /> It fits: the code makes the {calls} that are on
        record{data.version && `, as version ${data.version}`}.
      </p>
    );
  return (
    <>
      <p className="task-departs">
        <TriangleAlert size={17} aria-hidden="true" /> It departs
        {data.departs_at && ` at ${data.departs_at}`}, after {calls}. {data.message}
      </p>
      <div className="task-sides">
        <section>
          <h3>On record</h3>
          <JsonView value={data.recorded} />
        </section>
        <section>
          <h3>The code has</h3>
          <JsonView value={data.found} />
        </section>
      </div>
    </>
  );
}
