/** The places of the page; each has an address. */
import {
  Activity,
  House,
  Inbox,
  ListChecks,
  type LucideIcon,
  MessagesSquare,
  Settings,
  Skull,
  Waypoints,
} from "lucide-react";
import { agentToken } from "@/core/text";

export interface Place {
  readonly path: string;
  readonly name: string;
  readonly icon: LucideIcon;
}

export const PLACES: readonly Place[] = [
  { path: "/", name: "Home", icon: House },
  { path: "/inbox", name: "Inbox", icon: Inbox },
  { path: "/tasks", name: "Tasks", icon: ListChecks },
  { path: "/flow", name: "Flow", icon: Waypoints },
  { path: "/dead", name: "Dead letters", icon: Skull },
  { path: "/health", name: "Health", icon: Activity },
  { path: "/settings", name: "Settings", icon: Settings },
];

export const TABS: readonly Place[] = [
  { path: "/", name: "Home", icon: House },
  { path: "/chat", name: "Chat", icon: MessagesSquare },
  { path: "/flow", name: "Flow", icon: Waypoints },
  { path: "/inbox", name: "Inbox", icon: Inbox },
];

export const CHANNELS: readonly {
  readonly id: string;
  readonly name: string;
  readonly about: string;
}[] = [
  { id: "all", name: "everything", about: "All that is said on the mesh" },
  { id: "announcements", name: "announcements", about: "What is said to everybody" },
];

export const paths = {
  channel: (id: string) => `/chat/${id}`,
  direct: (agent: string) => `/dm/${agentToken(agent)}`,
  conversation: (context: string) => `/conversation/${encodeURIComponent(context)}`,
  task: (id: string, tab = "") => `/tasks/${encodeURIComponent(id)}${tab ? `/${tab}` : ""}`,
  start: (agent: string) => `/start/${agentToken(agent)}`,
  question: (taskId: string, questionId: string) =>
    `/inbox/${encodeURIComponent(taskId)}/${encodeURIComponent(questionId)}`,
  letter: (id: string) => `/dead/${encodeURIComponent(id)}`,
  flow: (trace = "") => (trace ? `/flow?trace=${encodeURIComponent(trace)}` : "/flow"),
};
