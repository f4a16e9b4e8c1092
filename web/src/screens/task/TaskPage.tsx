/** One task: what it says and does, live or as it was. */
import { useEffect, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import type { Task } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { agentToken } from "@/core/text";
import { CopyText, Empty, Failure, Skeleton } from "@/kit";
import { heldUpBy } from "../tasks/rows";
import { CostTab } from "./CostTab";
import { ChatTab } from "./chat/ChatTab";
import { Head } from "./Head";
import { MessagesTab } from "./MessagesTab";
import { RawTab } from "./RawTab";
import { Replay } from "./Replay";
import { StepsTab } from "./StepsTab";
import { ToolsTab } from "./ToolsTab";
import { type Shown, useShown, useTask } from "./useTask";
import "./task.css";

const TABS = ["chat", "steps", "messages", "tools", "cost", "raw"] as const;
type Tab = (typeof TABS)[number];
const TAB_NAMES: { readonly [tab in Tab]: string } = {
  chat: "Chat",
  steps: "Steps",
  messages: "Messages",
  tools: "Tools",
  cost: "Cost",
  raw: "Raw",
};

export function TaskPage({ id, tab: wanted }: { id: string; tab: string }) {
  const mesh = useMesh();
  const [point, setPoint] = usePoint();
  const shown = useShown(id, point);
  const { data: task, problem, reload } = useTask(id, shown.log);
  const tab = TABS.find((one) => one === wanted) ?? "chat";
  if (problem?.status === 404)
    return (
      <Empty command="hubbub tasks">
        There is no task {id}, or it is somebody else's. Logs are kept for a while only.{" "}
        <Link href="/tasks">All tasks</Link>
      </Empty>
    );
  if (!task) {
    if (problem) return <Failure problem={problem} onRetry={reload} />;
    return <Skeleton lines={9} />;
  }
  const { log } = shown;
  return (
    <div className="screen task">
      <Head task={task} view={shown.view} isWhole={log.isWhole} point={point} />
      {point === null && <HeldUp task={task} />}
      {log.isWhole && (log.events.length > 1 || point !== null) && (
        <Replay task={task} events={log.events} point={point} onPoint={setPoint} />
      )}
      <TabLinks id={id} tab={tab} />
      {log.problem && <Failure problem={log.problem} onRetry={() => mesh.refresh()} />}
      {!log.isWhole && !log.problem && log.events.length > 0 && (
        <p className="task-reading" role="status">
          Reading the log … {log.events.length.toLocaleString("en")} events so far
        </p>
      )}
      {log.isWhole || log.events.length > 0 ? (
        <Body tab={tab} task={task} shown={shown} onPoint={setPoint} />
      ) : (
        !log.problem && <Skeleton lines={8} />
      )}
    </div>
  );
}

interface BodyProps {
  tab: Tab;
  task: Task;
  shown: Shown;
  onPoint: (point: number | null) => void;
}

function Body({ tab, task, shown, onPoint }: BodyProps) {
  switch (tab) {
    case "chat":
      return <ChatTab task={task} shown={shown} />;
    case "steps":
      return <StepsTab task={task} shown={shown} />;
    case "messages":
      return <MessagesTab task={task} shown={shown} />;
    case "tools":
      return <ToolsTab shown={shown} />;
    case "cost":
      return <CostTab shown={shown} />;
    case "raw":
      return <RawTab shown={shown} onPoint={onPoint} />;
  }
}

function TabLinks({ id, tab }: { id: string; tab: Tab }) {
  const [search] = useSearchParams();
  const query = search.size > 0 ? `?${search}` : "";
  return (
    <nav className="task-tabs scroll" aria-label="Views of the task">
      {TABS.map((one) => (
        <Link
          key={one}
          href={`${paths.task(id, one === "chat" ? "" : one)}${query}`}
          aria-current={one === tab ? "page" : undefined}
        >
          {TAB_NAMES[one]}
        </Link>
      ))}
    </nav>
  );
}

/** Nobody is there who could go on with it. */
function HeldUp({ task }: { task: Task }) {
  const mesh = useMesh();
  const agents = useSlice(mesh.agents.slice);
  const { agents: loaded } = useSlice(mesh.loaded);
  const agent = agents.find((one) => one.token === agentToken(task.agent));
  const reason = heldUpBy(task, agent ?? (loaded?.done ? null : undefined));
  if (FINAL_STATES.has(task.state) || !reason) return null;
  return (
    <div className="task-unserved" role="status">
      <span>
        The task waits: {reason}.
        {agent?.online && " Start the code that still has that version, beside the new one."}
      </span>
      <CopyText text="hubbub run MODULE:AGENT" />
    </div>
  );
}

/** How many events are shown, kept in the address when it comes to rest; null for now. */
function usePoint(): [number | null, (point: number | null) => void] {
  const [search, setSearch] = useSearchParams();
  const [point, setPoint] = useState<number | null>(() => {
    const given = Number(search.get("at"));
    return Number.isInteger(given) && given > 0 ? given : null;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address follows the point alone
  useEffect(() => {
    const timer = setTimeout(() => {
      const next = point === null ? null : String(point);
      if (search.get("at") === next) return;
      setSearch(
        (before) => {
          if (next === null) before.delete("at");
          else before.set("at", next);
          return before;
        },
        { replace: true },
      );
    }, 250);
    return () => clearTimeout(timer);
  }, [point]);
  return [point, setPoint];
}
