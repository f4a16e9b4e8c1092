/** Every question that waits for a person, the oldest first: one key answers it and moves on. */
import { ArrowLeft, ArrowRight, CheckCheck, Play } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { useMesh, useNarrow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { isWorkflow } from "@/core/mesh/agents";
import type { OpenQuestion } from "@/core/mesh/questions";
import { agentToken } from "@/core/text";
import { Button, Empty, Failure, Segmented, Skeleton } from "@/kit";
import { isPlain, isTextField, useKeys } from "@/kit/keys";
import { QuestionCard } from "@/screens/questions/QuestionCard";
import { headline } from "@/screens/questions/words";
import { Context } from "./Context";
import { chosen, type Filter, keyOf, neighbour } from "./order";
import { QuestionList } from "./QuestionList";
import "./inbox.css";

const PAGE = { current: document.documentElement };

export function Inbox({
  taskId,
  questionId,
}: {
  taskId?: string | undefined;
  questionId?: string | undefined;
}) {
  const mesh = useMesh();
  const narrow = useNarrow();
  const [, go] = useLocation();
  const all = useSlice(mesh.questions.slice);
  const { questions: loaded } = useSlice(mesh.loaded);
  const [filter, setFilter] = useState<Filter>({ whose: "all", agent: "" });
  const [said, setSaid] = useState("");
  const shown = chosen(all, filter, mesh.session.user);
  const open = shown.filter((one) => !one.answered);
  const key = taskId && questionId ? `${taskId}/${questionId}` : "";
  const selected = useKept(
    all.find((one) => keyOf(one) === key),
    key,
  );
  const detail = useRef<HTMLDivElement>(null);
  /** How the next card gets the focus: itself, or the field in it, too. */
  const [focus, setFocus] = useState<"card" | "field" | null>(null);
  /** Whether the last of them has been answered: then one that lands is shown at once. */
  const [isLast, setLast] = useState(false);

  const show = ({ task, question }: OpenQuestion, how: "card" | "field") => {
    setFocus(how);
    go(paths.question(task.id, question.id), { replace: !narrow || key !== "" });
  };
  const move = (step: 1 | -1) => {
    const next = neighbour(shown, key, step);
    if (next) show(next, "card");
  };
  const moveOn = () => {
    const next = neighbour(shown, key, 1);
    setSaid(next ? `Sent. ${next.task.agent} asks: ${headline(next.question)}` : NOTHING_WAITS);
    setLast(!next);
    if (next) show(next, narrow ? "card" : "field");
  };

  // It is not so any more once something lands.
  const waits = open.length > 0;
  useEffect(() => {
    if (waits) setSaid((before) => (before === NOTHING_WAITS ? "" : before));
  }, [waits]);

  // A wide page always shows one, and stays with it whatever becomes of it.
  const [first] = open;
  useEffect(() => {
    if (narrow || key || !first) return;
    const path = paths.question(first.task.id, first.question.id);
    setFocus(isIdle() ? "card" : null);
    go(path, { replace: true });
  }, [narrow, key, first, go]);

  // The list tells of an answer a moment later: what was just answered may still be open in it.
  const other = open.find((one) => keyOf(one) !== key);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only once it lands
  useEffect(() => {
    if (!isLast || !other) return;
    setLast(false);
    show(other, narrow ? "card" : "field");
  }, [isLast, other]);

  // What one has answered oneself, and was the last, makes way for the empty state.
  const isOver =
    selected?.answered?.by === mesh.session.user && !all.some((one) => keyOf(one) === key);
  useEffect(() => {
    if (isOver) go("/inbox", { replace: true });
  }, [isOver, go]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each card anew
  useEffect(() => {
    if (focus === "card") detail.current?.querySelector<HTMLElement>(".qcard")?.focus();
  }, [focus, key]);

  useKeys(PAGE, (event) => {
    if (!isPlain(event) || isTextField(event.target) || isElsewhere(event.target)) return;
    const isOption = event.target instanceof HTMLInputElement;
    const step = STEPS[event.key];
    if (!step || (isOption && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    move(step);
  });

  const list = (
    <div className="inbox-list">
      <Head all={all} open={open.length} filter={filter} onFilter={setFilter} />
      {loaded?.problem && all.length === 0 ? (
        <Failure problem={loaded.problem} onRetry={() => mesh.refresh()} />
      ) : !loaded && all.length === 0 ? (
        <Skeleton lines={8} />
      ) : shown.length === 0 ? (
        narrow || all.length > 0 ? (
          <Nothing isFiltered={all.length > 0} />
        ) : null
      ) : (
        <QuestionList
          questions={shown}
          selected={key}
          onSelect={(one) => show(one, narrow ? "card" : "field")}
        />
      )}
    </div>
  );
  const card = (
    <div ref={detail} className="inbox-detail scroll">
      {narrow && (
        <Link href="/inbox" className="inbox-back">
          <ArrowLeft size={16} aria-hidden="true" /> All questions
          <span className="count hot">{open.length}</span>
        </Link>
      )}
      {selected ? (
        <>
          <QuestionCard
            key={key}
            asked={selected}
            autoFocus={focus === "field"}
            onAnswered={moveOn}
          />
          {selected.answered && selected.answered.by !== mesh.session.user && open.length > 0 && (
            <Button className="inbox-next" onPress={moveOn}>
              Next question <ArrowRight size={15} aria-hidden="true" /> <kbd>J</kbd>
            </Button>
          )}
          <Context key={selected.task.id} task={selected.task} />
        </>
      ) : key && loaded ? (
        <Empty>
          This question does not wait any more.{" "}
          <Link href={paths.task(taskId ?? "")}>Its task</Link> tells who answered.
        </Empty>
      ) : loaded && !loaded.problem ? (
        <Nothing isFiltered={all.length > 0} />
      ) : loaded?.problem ? null : (
        <Skeleton lines={6} />
      )}
    </div>
  );
  return (
    <section className="screen inbox" aria-label="Inbox">
      {narrow ? (key ? card : list) : null}
      {!narrow && list}
      {!narrow && card}
      <span className="hidden-label" role="status">
        {said}
      </span>
    </section>
  );
}

function Head({
  all,
  open,
  filter,
  onFilter,
}: {
  all: readonly OpenQuestion[];
  open: number;
  filter: Filter;
  onFilter: (filter: Filter) => void;
}) {
  const mesh = useMesh();
  const names = new Map(all.map(({ task }) => [agentToken(task.agent), task.agent]));
  const agents = [...names].sort(([, a], [, b]) => a.localeCompare(b));
  return (
    <header className="inbox-head">
      <div className="inbox-title">
        <h1>Inbox</h1>
        {open > 0 && <span className="count hot">{open}</span>}
        <span className="inbox-keys">
          <kbd>J</kbd> <kbd>K</kbd> move
        </span>
      </div>
      <div className="inbox-filters">
        {mesh.seesAll && (
          <Segmented
            label="Whose questions"
            value={filter.whose}
            onChange={(whose) => onFilter({ ...filter, whose })}
            options={[
              { id: "all", name: "All" },
              { id: "mine", name: "Mine" },
            ]}
          />
        )}
        {(agents.length > 1 || filter.agent !== "") && (
          <select
            className="input"
            aria-label="Agent"
            value={filter.agent}
            onChange={(event) => onFilter({ ...filter, agent: event.target.value })}
          >
            <option value="">Every agent</option>
            {agents.map(([token, name]) => (
              <option key={token} value={token}>
                {name}
              </option>
            ))}
          </select>
        )}
      </div>
    </header>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  const mesh = useMesh();
  const working = useSlice(mesh.tasks.slice).filter((task) => task.state === "working").length;
  const workflows = useSlice(mesh.agents.slice)
    .filter((one) => isWorkflow(one) && one.online)
    .slice(0, MOST_STARTS);
  if (isFiltered) return <Empty>No question fits these filters.</Empty>;
  return (
    <div className="inbox-nothing">
      <span className="inbox-done">
        <CheckCheck size={34} aria-hidden="true" />
      </span>
      <h2>Nothing waits for you</h2>
      <Empty {...(workflows.length === 0 && { command: "hubbub run examples/first_workflow.py" })}>
        {working > 0
          ? `${working} ${working === 1 ? "task is" : "tasks are"} at work. `
          : "Nobody is stuck. "}
        What an agent asks lands here; {workflows.length === 0 ? "try it with" : "try it:"}
      </Empty>
      <p className="inbox-starts">
        {workflows.map((one) => (
          <Link key={one.token} className="button" href={paths.start(one.token)}>
            <Play size={14} aria-hidden="true" /> Start {one.name}
          </Link>
        ))}
      </p>
    </div>
  );
}

const MOST_STARTS = 3;
const NOTHING_WAITS = "Sent. Nothing waits.";

const STEPS: { readonly [key: string]: 1 | -1 } = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };

/** A question that was shown is kept for as long as it is looked at. */
function useKept(found: OpenQuestion | undefined, key: string): OpenQuestion | undefined {
  const [kept, setKept] = useState<OpenQuestion>();
  if (found && found !== kept) setKept(found);
  if (found) return found;
  return kept?.answered && keyOf(kept) === key ? kept : undefined;
}

/** Whether the focus is nowhere, so that a card may have it. */
const isIdle = (): boolean =>
  document.activeElement === document.body || document.activeElement?.id === "main";

const isElsewhere = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('[role="dialog"], [role="menu"], .side') !== null;
