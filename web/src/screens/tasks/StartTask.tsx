/** Sets an agent or a workflow to work, with the form that it asks for. */
import { ChevronRight, Play } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { Button as AriaButton, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import { Link, useLocation, useSearchParams } from "wouter";
import { useLoad, useMesh, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { toast } from "@/app/toasts";
import { api } from "@/core/api";
import { isWorkflow } from "@/core/mesh/agents";
import { asProblem, type Problem } from "@/core/problem";
import type { Agent, Json, Task } from "@/core/protocol";
import { textOf } from "@/core/text";
import { Avatar, Button, Empty, Failure, Segmented, Skeleton } from "@/kit";
import { useKeys } from "@/kit/keys";
import { FieldControl } from "./Fields";
import { type Field, fieldsOf } from "./fields";
import { named, namedIn } from "./named";
import { type Raw, type Raws, rawsOf } from "./raws";
import { read } from "./reading";
import { objectOf, type Schema } from "./refs";
import "./start.css";

export function StartTask({ agent }: { agent: string }) {
  const [search] = useSearchParams();
  // Another agent, or another task, is another form: nothing of this one is left.
  return <Start key={`${agent} ${search.get("from")}`} agent={agent} />;
}

function Start({ agent: name }: { agent: string }) {
  const mesh = useMesh();
  const [search] = useSearchParams();
  const from = search.get("from");
  const known = useSlice(mesh.agents.slice).find((one) => one.token === name);
  const agent = useLoad(
    (signal) => (known ? Promise.resolve<Agent>(known) : api.agent(name, signal)),
    [name, known === undefined],
  );
  const earlier = useLoad(
    (signal) => (from ? api.task(from, signal) : Promise.resolve(null)),
    [from],
  );
  if (agent.problem?.status === 404)
    return (
      <Empty command={`hubbub run agents.py`}>
        Nobody called {name} has joined. Start what serves it, or choose another one of{" "}
        <Link href="/tasks">all tasks</Link>.
      </Empty>
    );
  const problem = agent.problem ?? earlier.problem;
  if (problem)
    return <Failure problem={problem} onRetry={agent.problem ? agent.reload : earlier.reload} />;
  if (!agent.data || earlier.data === undefined) return <Skeleton lines={8} />;
  return <Form agent={agent.data} earlier={earlier.data} />;
}

const PAGE = { current: document.documentElement };

const NO_FIELD: Field = {
  name: "content",
  title: "What is to be done",
  description: "",
  kind: "long",
  isRequired: true,
  isNullable: false,
  fallback: undefined,
  options: [],
  limits: "",
  schema: { type: "string" },
  example: "",
  item: null,
};

const PRIORITIES = ["1", "2", "3", "4", "5"] as const;
type Priority = (typeof PRIORITIES)[number];

function Form({ agent, earlier }: { agent: Agent; earlier: Task | null }) {
  const mesh = useMesh();
  const [, go] = useLocation();
  const { state: link } = useSlice(mesh.link);
  const schema = agent.input_schema as Schema | null | undefined;
  const fields = schema ? fieldsOf(schema) : isWorkflow(agent) ? [] : [NO_FIELD];
  const [raws, setRaws] = useState<Raws>(() => rawsOf(fields, earlierParams(schema, earlier)));
  const [priority, setPriority] = useState<Priority>(
    () => PRIORITIES.find((one) => one === String(earlier?.priority)) ?? "3",
  );
  const [problems, setProblems] = useState(() => rejectedFor(earlier, fields));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  // The same start has the same key, however often it is sent.
  const last = useRef({ body: "", key: "" });

  const canStart = !isBusy && link !== "offline";

  const change = (name: string, value: Raw) => {
    setRaws((before) => ({ ...before, [name]: value }));
    setProblems(({ [name]: _, ...others }) => others);
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    const found = read(fields, raws);
    setProblems(found.problems);
    setProblem(null);
    if (Object.keys(found.problems).length > 0) {
      focusFirst(form.current, fields, found.problems);
      return;
    }
    const body = {
      agent: agent.name,
      priority: Number(priority),
      ...(schema ? { content: "", params: found.params } : { content: found.params.content ?? "" }),
    };
    const said = JSON.stringify(body);
    if (last.current.body !== said) last.current = { body: said, key: crypto.randomUUID() };
    setBusy(true);
    try {
      const task = await api.start({ ...body, idempotency_key: last.current.key });
      mesh.tasks.put([task]);
      toast(`${agent.name} has been started`);
      go(paths.task(task.id));
    } catch (error) {
      const refused = asProblem(error);
      const at = named(refused, fields);
      setProblems(at);
      if (Object.keys(at).length > 0) focusFirst(form.current, fields, at);
      else setProblem(refused);
      setBusy(false);
    }
  };

  // A button that has the focus would keep the key to itself.
  const hear = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (event.target instanceof Element && event.target.closest("[role=dialog]")) return;
    event.preventDefault();
    event.stopPropagation();
    if (canStart) form.current?.requestSubmit();
  };
  useKeys(PAGE, hear, true);

  return (
    <div className="screen">
      <header className="screen-head">
        <Avatar name={agent.name} size={30} />
        <div className="grow">
          <h1>Start {agent.name}</h1>
          {agent.description && <p>{agent.description}</p>}
        </div>
      </header>
      <div className="screen-body scroll">
        <form ref={form} className="start" noValidate onSubmit={submit}>
          {!agent.online && (
            <p className="start-note warn">
              Nobody serves {agent.name} now. The task waits until somebody does.
            </p>
          )}
          {earlier && (
            <p className="start-note">
              With the values of <Link href={paths.task(earlier.id)}>an earlier task</Link>.
            </p>
          )}
          {fields.length === 0 && <p className="muted">It takes no values.</p>}
          {fields.map((field, index) => (
            <FieldControl
              key={field.name}
              field={field}
              value={raws[field.name] ?? ""}
              problem={problems[field.name]}
              autoFocus={index === 0}
              onChange={(value) => change(field.name, value)}
            />
          ))}
          <Disclosure className="start-more">
            <Heading level={2}>
              <AriaButton slot="trigger">
                <ChevronRight size={15} aria-hidden="true" /> More
              </AriaButton>
            </Heading>
            <DisclosurePanel>
              <div className="field">
                <span className="field-label">Priority</span>
                <Segmented
                  label="Priority"
                  options={PRIORITIES.map((id) => ({ id, name: PRIORITY_NAMES[id] }))}
                  value={priority}
                  onChange={setPriority}
                />
                <small>What is more urgent is done first, whatever else waits for it.</small>
              </div>
            </DisclosurePanel>
          </Disclosure>
          {problem && <Failure problem={problem} />}
          <footer className="start-foot">
            <Button
              type="submit"
              look="primary"
              isDisabled={!canStart}
              autoFocus={fields.length === 0}
            >
              <Play size={15} aria-hidden="true" /> {isBusy ? "Starting …" : "Start"}{" "}
              <kbd>{navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl"} ↵</kbd>
            </Button>
            {link === "offline" && <span className="muted">The gateway is away.</span>}
          </footer>
        </form>
      </div>
    </div>
  );
}

const PRIORITY_NAMES: { readonly [priority in Priority]: string } = {
  "1": "1 · first",
  "2": "2",
  "3": "3 · usual",
  "4": "4",
  "5": "5 · last",
};

/** What an earlier task was started with, in whatever way. */
function earlierParams(
  schema: Schema | null | undefined,
  task: Task | null,
): { [name: string]: Json } {
  if (!task) return {};
  if (!schema) return { content: textOf(task.content as Json) };
  const metadata = task.metadata as { [key: string]: Json };
  const params = objectOf(metadata.params) ?? objectOf(task.content as Json);
  return params ?? {};
}

function rejectedFor(task: Task | null, fields: readonly Field[]): { [name: string]: string } {
  if (task?.state !== "rejected" || !task.error) return {};
  const field = namedIn(task.error, fields);
  return field ? { [field.name]: task.error } : {};
}

function focusFirst(
  form: HTMLFormElement | null,
  fields: readonly Field[],
  problems: { readonly [name: string]: string },
): void {
  const first = fields.find(({ name }) => name in problems)?.name;
  if (!form || first === undefined) return;
  requestAnimationFrame(() => {
    const control = form.querySelector<HTMLElement>(`[name="${CSS.escape(first)}"]`);
    control?.focus();
    control?.scrollIntoView({ block: "nearest" });
  });
}
