/** The frame of the page: where one can go, how things stand, and the screen one is at. */
import { Suspense, useEffect } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { Empty, Skeleton } from "@/kit";
import { later, loadAhead } from "@/kit/later";
import { Home } from "@/screens/home/Home";
import { Inbox } from "@/screens/inbox/Inbox";
import { Boundary } from "./Boundary";
import { CommandPalette } from "./CommandPalette";
import { useMesh, useNarrow, useSlice } from "./hooks";
import { LinkNotice } from "./LinkNotice";
import { Notifier } from "./Notifier";
import { TABS } from "./places";
import { Sidebar } from "./Sidebar";
import { TopBar } from "./TopBar";
import { Toasts } from "./toasts";
import "./app.css";

const Chat = later(() => import("@/screens/chat/Chat").then((module) => module.Chat));
const Tasks = later(() => import("@/screens/tasks/Tasks").then((module) => module.Tasks));
const StartTask = later(() =>
  import("@/screens/tasks/StartTask").then((module) => module.StartTask),
);
const TaskPage = later(() => import("@/screens/task/TaskPage").then((module) => module.TaskPage));
const Flow = later(() => import("@/screens/flow/Flow").then((module) => module.Flow));
const DeadLetters = later(() =>
  import("@/screens/dead/DeadLetters").then((module) => module.DeadLetters),
);
const Health = later(() => import("@/screens/health/Health").then((module) => module.Health));
const Settings = later(() =>
  import("@/screens/settings/Settings").then((module) => module.Settings),
);

export function App({ onSignOut }: { onSignOut: () => void }) {
  const narrow = useNarrow();
  const waiting = useWaiting();
  const isRead = useSlice(useMesh().loaded).agents?.done ?? false;
  useEffect(() => {
    if (isRead) void loadAhead();
  }, [isRead]);
  useEffect(() => {
    document.title = waiting > 0 ? `(${waiting}) Hubbub` : "Hubbub";
  }, [waiting]);
  return (
    <div className="app">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      {!narrow && <Sidebar onSignOut={onSignOut} waiting={waiting} />}
      {narrow && <TopBar onSignOut={onSignOut} />}
      <main id="main" className="main" tabIndex={-1}>
        <LinkNotice />
        <Screen onSignOut={onSignOut} />
      </main>
      {narrow && <Tabs waiting={waiting} />}
      <CommandPalette />
      <Notifier />
      <Toasts />
    </div>
  );
}

function Screen({ onSignOut }: { onSignOut: () => void }) {
  const [path] = useLocation();
  return (
    <Boundary key={path.split("/", 2).join("/")}>
      <Suspense fallback={<Skeleton lines={8} />}>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/inbox/:task?/:question?">
            {({ task, question }) => <Inbox taskId={task} questionId={question} />}
          </Route>
          <Route path="/chat">{() => <Chat place={{ kind: "list" }} />}</Route>
          <Route path="/chat/:channel">
            {({ channel }) => <Chat place={{ kind: "channel", id: channel }} />}
          </Route>
          <Route path="/dm/:agent">
            {({ agent }) => <Chat place={{ kind: "direct", agent }} />}
          </Route>
          <Route path="/conversation/:context">
            {({ context }) => <Chat place={{ kind: "conversation", context }} />}
          </Route>
          <Route path="/tasks" component={Tasks} />
          <Route path="/start/:agent">{({ agent }) => <StartTask agent={agent} />}</Route>
          <Route path="/tasks/:id/:tab?">
            {({ id, tab }) => <TaskPage key={id} id={id} tab={tab ?? "chat"} />}
          </Route>
          <Route path="/flow" component={Flow} />
          <Route path="/dead/:id?">{({ id }) => <DeadLetters id={id} />}</Route>
          <Route path="/health" component={Health} />
          <Route path="/settings">{() => <Settings onSignOut={onSignOut} />}</Route>
          <Route path="/agents/:agent">{({ agent }) => <Redirect to={`/dm/${agent}`} />}</Route>
          <Route>
            <Empty>
              Nothing is at this address. <Link href="/">Go home</Link>
            </Empty>
          </Route>
        </Switch>
      </Suspense>
    </Boundary>
  );
}

/** How many questions wait for this person. */
export function useWaiting(): number {
  const mesh = useMesh();
  const open = useSlice(mesh.questions.slice);
  return open.filter((one) => !one.answered && mesh.mayAnswer(one.task)).length;
}

function Tabs({ waiting }: { waiting: number }) {
  const [path] = useLocation();
  return (
    <nav className="tabs" aria-label="Places">
      {TABS.map(({ path: to, name, icon: Icon }) => {
        const here =
          to === "/"
            ? path === "/"
            : path.startsWith(to) || (to === "/chat" && /^\/(dm|conversation)\//.test(path));
        return (
          <Link key={to} href={to} aria-current={here ? "page" : undefined}>
            <Icon size={20} aria-hidden="true" />
            <span>{name}</span>
            {to === "/inbox" && waiting > 0 && <span className="count hot">{waiting}</span>}
          </Link>
        );
      })}
    </nav>
  );
}
