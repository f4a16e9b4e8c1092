/** Says something to a task while it runs. */
import { type FormEvent, useRef, useState } from "react";
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

const LONGEST = 16_000;

export function Steer({ task, isOpen, onClose }: Props) {
  return (
    <Dialog label={`Steer ${task.agent}`} isOpen={isOpen} onClose={onClose} width={520}>
      <Form task={task} onClose={onClose} />
    </Dialog>
  );
}

function Form({ task, onClose }: Omit<Props, "isOpen">) {
  const agents = useSlice(useMesh().agents.slice);
  const [, go] = useLocation();
  const [text, setText] = useState("");
  /** The same text, sent again after a failure, is taken in once. */
  const last = useRef({ said: "", id: "" });
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const agent = agents.find((one) => one.token === agentToken(task.agent));
  const takesValues = agent ? isWorkflow(agent) : "params" in task.metadata;
  const said = text.trim();
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    if (!said || isBusy) return;
    setBusy(true);
    setProblem(null);
    if (last.current.said !== said) last.current = { said, id: crypto.randomUUID() };
    try {
      await api.steer(task.id, said, last.current.id);
      toast("Your note is sent");
      onClose();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <form className="task-dialog" onSubmit={submit}>
      <h2>Steer {task.agent}</h2>
      <p>
        Your note goes to this run, without stopping it. An agent with a model sees it before its
        next step. A handler that never looks for notes does not see it.
      </p>
      <TextField className="field" value={text} onChange={setText} maxLength={LONGEST} autoFocus>
        <Label>Note</Label>
        <TextArea
          className="input"
          rows={4}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit();
          }}
        />
      </TextField>
      {problem && <Failure problem={problem} />}
      <footer>
        <Button onPress={onClose}>Leave it</Button>
        {takesValues && (
          <Button
            onPress={() => go(`${paths.start(task.agent)}?from=${encodeURIComponent(task.id)}`)}
          >
            Run again with other values …
          </Button>
        )}
        <Button type="submit" look="primary" isDisabled={isBusy || said === ""}>
          {isBusy ? "Sending …" : "Send the note"}
        </Button>
      </footer>
    </form>
  );
}
