import { expect, test } from "vitest";
import type { LogEvent, Task } from "../protocol";
import { TaskStore } from "./tasks";

const event = (kind: string, data: LogEvent["data"] = {}, at = "2"): LogEvent => ({
  k: "task",
  task_id: "t",
  agent: "a",
  context_id: "c",
  kind,
  at,
  seq: 1,
  data,
});
const store = (): TaskStore => {
  const tasks = new TaskStore();
  tasks.put([{ id: "t", agent: "a", state: "submitted", updated_at: "1" } as Task]);
  return tasks;
};
const asked = (id: string) => ({ question: { id, prompt: id } });
const ids = (tasks: TaskStore) => tasks.get("t")?.questions?.map((one) => one.id);

test("the questions of a task are those that are open", () => {
  const tasks = store();
  tasks.hear(event("asked", asked("q1")));
  tasks.hear(event("asked", asked("q1")));
  expect(ids(tasks)).toEqual(["q1"]);
  tasks.hear(event("answered", { id: "q1" }));
  tasks.hear(event("asked", asked("q2")));
  expect(ids(tasks)).toEqual(["q2"]);
  tasks.hear(event("parked", { questions: [{ id: "q3" }] }));
  expect(ids(tasks)).toEqual(["q3"]);
  tasks.hear(event("completed"));
  expect(ids(tasks)).toEqual([]);
});

test("a failed attempt tells why, and whoever takes a task holds it up no more", () => {
  const tasks = store();
  tasks.hear(event("retrying", { error: "No ink" }));
  expect(tasks.get("t")).toMatchObject({ state: "submitted", error: "No ink" });
  tasks.put([{ ...tasks.get("t"), held_up: "nobody serves a", updated_at: "3" } as Task]);
  tasks.hear(event("claimed", { attempt: 2, version: "v1" }, "4"));
  expect(tasks.get("t")).toMatchObject({ held_up: "", attempt: 2, version: "v1", error: "No ink" });
});
