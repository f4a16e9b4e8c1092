/** Whose task it is and how it stands, and what can be done about it. */
import {
  CircleStop,
  Copy,
  Ellipsis,
  FlaskConical,
  MessagesSquare,
  Navigation,
  RotateCcw,
  SquarePen,
  Waypoints,
} from "lucide-react";
import { type ReactNode, useState } from "react";
import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { Link, useLocation } from "wouter";
import { useMesh, useNarrow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { toast } from "@/app/toasts";
import { api } from "@/core/api";
import { asProblem } from "@/core/problem";
import type { Task } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { compact, moment } from "@/core/text";
import { Avatar, Button, IconButton, StateBadge } from "@/kit";
import { titleOf } from "../tasks/rows";
import { ReplayCheck, Stop } from "./dialogs";
import { Since } from "./Since";
import { Steer } from "./Steer";
import type { TaskView } from "./view";

type Open = "" | "stop" | "steer" | "check";

export function Head({
  task,
  view,
  isWhole,
  point,
}: {
  task: Task;
  view: TaskView;
  /** Whether the log has been read to its end. */
  isWhole: boolean;
  /** How many events are shown; null for all. */
  point: number | null;
}) {
  const mesh = useMesh();
  const narrow = useNarrow();
  const [, go] = useLocation();
  const [open, setOpen] = useState<Open>("");
  const { state: link } = useSlice(mesh.link);
  const mayAct = mesh.isOperator || task.owner === mesh.session.user;
  const isOver = FINAL_STATES.has(task.state);
  const isPast = point !== null;
  // What acts on the task as it is now is not done while one looks at how it was.
  const isAway = link === "offline" || isPast;
  const [isBusy, setBusy] = useState(false);
  const state = view.count > 0 && (isWhole || isPast) ? view.state : task.state;

  const rerun = async (after: number | null) => {
    if (isBusy) return;
    setBusy(true);
    try {
      const again = await api.rerun(task.id, after);
      mesh.tasks.put([again]);
      toast(`${task.agent} runs again`);
      go(paths.task(again.id));
    } catch (error) {
      toast(asProblem(error).message, { bad: true });
    }
    setBusy(false);
  };
  const copyLink = () => {
    const at = isPast ? `?at=${point}` : "";
    const url = `${location.origin}${paths.task(task.id)}${at}`;
    navigator.clipboard.writeText(url).then(
      () => toast("Link copied"),
      () => toast(url),
    );
  };

  const actions: readonly Action[] = [
    {
      id: "stop",
      name: "Stop",
      icon: <CircleStop size={15} />,
      isOff: !mayAct || isOver || isAway,
    },
    {
      id: "steer",
      name: "Steer",
      icon: <Navigation size={15} />,
      isOff: !mayAct || isOver || isAway,
    },
    {
      id: "rerun",
      name: "Run again",
      icon: <RotateCcw size={15} />,
      isOff: !mayAct || isAway || isBusy,
    },
    {
      id: "edit",
      name: "Run again with other values …",
      icon: <SquarePen size={15} />,
      isOff: isAway,
    },
    {
      id: "retry",
      name: "Try again, keep what went well",
      icon: <RotateCcw size={15} />,
      isOff: !mayAct || isAway || isBusy || state !== "failed",
    },
    {
      id: "check",
      name: "Check against today's code",
      icon: <FlaskConical size={15} />,
      isOff: !mayAct || isAway,
    },
    {
      id: "copy",
      name: isPast ? "Copy link to this point" : "Copy link",
      icon: <Copy size={15} />,
      isOff: false,
    },
    { id: "flow", name: "Show in the flow", icon: <Waypoints size={15} />, isOff: false },
    {
      id: "conversation",
      name: "Its conversation",
      icon: <MessagesSquare size={15} />,
      isOff: false,
    },
  ];
  const act = (id: string) => {
    if (id === "stop" || id === "steer" || id === "check") setOpen(id);
    else if (id === "rerun") void rerun(0);
    else if (id === "retry") void rerun(null);
    else if (id === "edit") go(`${paths.start(task.agent)}?from=${encodeURIComponent(task.id)}`);
    else if (id === "copy") copyLink();
    else if (id === "flow") go(paths.flow(task.context_id));
    else if (id === "conversation") go(paths.conversation(task.context_id));
  };
  // In the past, the bar of the slider has the two that make sense there.
  const offered = isPast ? actions.filter(({ id }) => !LIVE.has(id)) : actions;
  const beside = narrow || isPast ? 0 : 3;
  const close = () => setOpen("");
  return (
    <header className="screen-head task-head">
      <Avatar name={task.agent} size={34} />
      <div className="grow">
        <h1>
          <Link href={paths.direct(task.agent)}>{task.agent}</Link>
          <StateBadge state={state} />
          {isPast && <span className="task-past">as it was</span>}
          <span className="task-title truncate">{titleOf(task)}</span>
        </h1>
        <Facts task={task} view={view} />
      </div>
      <div className="task-actions">
        {offered.slice(0, beside).map(({ id, name, icon, isOff }) => (
          <Button
            key={id}
            look={id === "stop" ? "danger" : "plain"}
            isDisabled={isOff}
            onPress={() => act(id)}
          >
            {icon} {name}
          </Button>
        ))}
        <MenuTrigger>
          <IconButton label="More" look={narrow ? "plain" : "quiet"}>
            <Ellipsis size={17} />
          </IconButton>
          <Popover className="popover" placement="bottom end">
            <Menu
              aria-label="More"
              disabledKeys={actions.filter((one) => one.isOff).map((one) => one.id)}
              onAction={(key) => act(String(key))}
            >
              {offered.slice(beside).map(({ id, name, icon }) => (
                <MenuItem key={id} id={id} textValue={name} className="menu-item">
                  {icon} {name}
                </MenuItem>
              ))}
            </Menu>
          </Popover>
        </MenuTrigger>
      </div>
      <Stop task={task} isOpen={open === "stop"} onClose={close} />
      <Steer task={task} isOpen={open === "steer"} onClose={close} />
      <ReplayCheck task={task} isOpen={open === "check"} onClose={close} />
    </header>
  );
}

/** What is done to the task as it is now. */
const LIVE: ReadonlySet<string> = new Set(["stop", "steer", "rerun", "edit", "retry", "check"]);

interface Action {
  readonly id: string;
  readonly name: string;
  readonly icon: ReactNode;
  readonly isOff: boolean;
}

function Facts({ task, view }: { task: Task; view: TaskView }) {
  const { input, output, requests } = view.usage;
  const tokens = input + output;
  const parent = view.parent?.[1] || task.parent_id;
  const attempt = view.attempt || task.attempt || 0;
  return (
    <p className="task-facts">
      <span>{task.owner ? `started by ${task.owner}` : "started by no person"}</span>
      <span title={moment(task.created_at)}>
        <Since at={task.created_at} />
      </span>
      {attempt > 1 && <span className="task-again">attempt {attempt}</span>}
      {tokens > 0 && (
        <span title={`${requests} calls, ${input} tokens in, ${output} out`}>
          {compact(tokens)} tokens
        </span>
      )}
      {view.version && <span>version {view.version}</span>}
      {parent && (
        <span>
          opened by <Link href={paths.task(parent)}>{view.parent?.[0] || "another task"}</Link>
        </span>
      )}
      {task.retry_of && (
        <span>
          again of <Link href={paths.task(task.retry_of)}>a failed task</Link>
        </span>
      )}
    </p>
  );
}
