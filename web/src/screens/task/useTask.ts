/** All that the task's page knows of its task. */
import { useEffect, useState } from "react";
import { type Loading, useLoad, useMesh, useSlice, useTaskLog } from "@/app/hooks";
import { api } from "@/core/api";
import type { TaskLog } from "@/core/mesh/tasklog";
import type { StoredEvent, Task } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { Folder } from "./folder";
import type { TaskView } from "./view";

/** The task as the server tells it, asked for anew when its end is on record. */
export function useTask(id: string, log: TaskLog): Loading<Task> {
  const mesh = useMesh();
  const last = log.events.at(-1);
  const ended = last !== undefined && FINAL_STATES.has(last.kind as Task["state"]);
  const loaded = useLoad((signal) => api.task(id, signal), [id, ended]);
  const live = useSlice(mesh.tasks.slice).find((one) => one.id === id);
  const { data } = loaded;
  useEffect(() => {
    if (data) mesh.tasks.put([data]);
  }, [mesh, data]);
  const newest = live && (!data || live.updated_at >= data.updated_at) ? live : data;
  return { ...loaded, data: newest };
}

export interface Shown {
  readonly log: TaskLog;
  /** The events up to the point that is looked at. */
  readonly events: readonly StoredEvent[];
  readonly view: TaskView;
  /** How many events that are; null for all, whatever comes. */
  readonly point: number | null;
}

/** The log, folded up to a point. */
export function useShown(id: string, point: number | null): Shown {
  const log = useTaskLog(id);
  const [folder] = useState(() => new Folder());
  const count = point === null ? log.events.length : Math.min(point, log.events.length);
  const view = folder.view(log.events, count);
  const events = count === log.events.length ? log.events : log.events.slice(0, count);
  return { log, events, view, point };
}
