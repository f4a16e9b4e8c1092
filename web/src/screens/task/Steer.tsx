/** Says something more to whoever works on a task. */
import { type FormEvent, useState } from "react";
import { Label, TextArea, TextField } from "react-aria-components";
import { useLocation } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { toast } from "@/app/toasts";
import { api } from "@/core/api";
import { isWorkflow } from "@/core/mesh/agents";
import { asProblem, type Problem } from "@/core/problem";
import { agentToken } from "@/core/text";
import { Button, Dialog, Failure } from "@/kit";
import type { Props } from "./dialogs";
import "@/kit/tick.css";

interface SteerProps extends Props {
  /** Whether the person may stop the task, and it has not ended. */
  mayStop: boolean;
}

export function Steer({ task, mayStop, isOpen, onClose }: SteerProps) {
  const agents = useSlice(useMesh().agents.slice);
  const agent = agents.find((one) => one.token === agentToken(task.agent));
  return (
    <Dialog label={`Steer ${task.agent}`} isOpen={isOpen} onClose={onClose} width={520}>
      {(agent ? isWorkflow(agent) : "params" in task.metadata) ? (
        <Workflow task={task} onClose={onClose} />
      ) : (
        <SteerForm task={task} mayStop={mayStop} onClose={onClose} />
      )}
    </Dialog>
  );
}

/** A workflow is started with values: it has no ear for a message. */
function Workflow({ task, onClose }: Omit<SteerProps, "isOpen" | "mayStop">) {
  const [, go] = useLocation();
  return (
    <div className="task-dialog">
      <h2>Steer {task.agent}</h2>
      <p>
        {task.agent} is a workflow: while it runs, it hears nothing but answers to what it asks. To
        change its course, stop it and run it again with other values, or go back to a point of its
        log with the slider and run it again from there.
      </p>
      <footer>
        <Button onPress={onClose}>Leave it</Button>
        <Button
          look="primary"
          onPress={() => go(`${paths.start(task.agent)}?from=${encodeURIComponent(task.id)}`)}
        >
          Run again with other values …
        </Button>
      </footer>
    </div>
  );
}

function SteerForm({ task, mayStop, onClose }: Omit<SteerProps, "isOpen">) {
  const mesh = useMesh();
  const [, go] = useLocation();
  const [text, setText] = useState("");
  const [stops, setStops] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    const said = text.trim();
    if (!said || isBusy) return;
    setBusy(true);
    setProblem(null);
    const opened = await mesh.outbox.send({
      kind: "direct",
      to: task.agent,
      context: task.context_id,
      text: said,
    });
    if (opened !== null) {
      toast(`${task.agent} has your message`, {
        action: { name: "Open", run: () => go(paths.task(opened)) },
      });
      if (stops && mayStop)
        api
          .cancel(task.id)
          .catch((error: unknown) =>
            toast(`This run was not stopped: ${asProblem(error).message}`, { bad: true }),
          );
      onClose();
      return;
    }
    const refused = mesh.outbox.slice.value.findLast((one) => one.problem && one.text === said);
    if (refused) {
      setProblem(refused.problem);
      // It is still here to be sent again.
      mesh.outbox.drop(refused.id);
    }
    setBusy(false);
  };
  return (
    <form className="task-dialog" onSubmit={submit}>
      <h2>Steer {task.agent}</h2>
      <p>
        Your message becomes a new task of {task.agent} in the same conversation. It does not
        interrupt this run, and this run does not see it.
      </p>
      <TextField className="field" value={text} onChange={setText} autoFocus>
        <Label>Message</Label>
        <TextArea
          className="input"
          rows={4}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit();
          }}
        />
      </TextField>
      {mayStop && (
        <label className="task-tick">
          <input
            className="tick"
            type="checkbox"
            checked={stops}
            onChange={(event) => setStops(event.target.checked)}
          />
          Stop this run, too
        </label>
      )}
      {problem && <Failure problem={problem} />}
      <footer>
        <Button onPress={onClose}>Leave it</Button>
        <Button type="submit" look="primary" isDisabled={isBusy || text.trim() === ""}>
          {isBusy ? "Sending …" : "Send as a new task"}
        </Button>
      </footer>
    </form>
  );
}
