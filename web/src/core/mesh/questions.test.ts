import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AskedQuestion, LogEvent, LookEvent, Task } from "../protocol";
import { QuestionStore } from "./questions";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function event(facts: Partial<LogEvent>): LogEvent {
  const at = "2026-01-01T00:00:00Z";
  return {
    k: "task",
    task_id: "t",
    agent: "a",
    context_id: "c",
    kind: "x",
    at,
    seq: 1,
    data: {},
    ...facts,
  };
}
const asked = (id: string, at: string) =>
  event({
    k: "ask",
    kind: "asked",
    data: { question: { id, kind: "text", prompt: id, asked_at: at } },
  });
const look = (page: string, state: LookEvent["state"]): LookEvent => ({
  k: "look",
  task_id: "t",
  agent: "a",
  question_id: "q1",
  user: "ada",
  page,
  state,
  at: "",
});
const ids = (store: QuestionStore) => store.slice.value.map((one) => one.question.id);

test("the oldest question is first, and one is there once", () => {
  const store = new QuestionStore();
  store.hear(asked("q2", "2026-01-02"), undefined);
  store.hear(asked("q1", "2026-01-01"), undefined);
  store.hear(asked("q1", "2026-01-01"), undefined);
  expect(ids(store)).toEqual(["q1", "q2"]);
});

test("an answered question tells by whom, and goes after some seconds", () => {
  const store = new QuestionStore();
  store.hear(asked("q1", ""), undefined);
  store.hear(event({ k: "answer", kind: "answered", data: { id: "q1", by: "grace" } }), undefined);
  expect(store.get("t", "q1")?.answered?.by).toBe("grace");
  store.hear(asked("q1", ""), undefined);
  expect(store.get("t", "q1")?.answered?.by).toBe("grace");
  vi.advanceTimersByTime(6_000);
  expect(ids(store)).toEqual([]);
});

test("what was answered is told also if who did was known before", () => {
  const store = new QuestionStore();
  store.hear(asked("q1", ""), undefined);
  store.close("t", "q1", { by: "grace", at: "", isPending: false });
  const data = { id: "q1", by: "grace", answer: { decision: "approve" } };
  store.hear(event({ k: "answer", kind: "answered", data }), undefined);
  expect(store.get("t", "q1")?.answered).toMatchObject({ by: "grace", answer: data.answer });
  vi.advanceTimersByTime(6_000);
  expect(ids(store)).toEqual([]);
});

test("whose task asks is known once the task is", () => {
  const store = new QuestionStore();
  store.hear(asked("q1", ""), undefined);
  expect(store.get("t", "q1")?.task.owner).toBeUndefined();
  store.know([{ id: "t", owner: "ada" } as Task]);
  expect(store.get("t", "q1")?.task.owner).toBe("ada");
});

test("the end of a task ends its questions", () => {
  const store = new QuestionStore();
  store.hear(asked("q1", ""), undefined);
  store.hear(event({ kind: "canceled" }), undefined);
  expect(ids(store)).toEqual([]);
});

test("a list tells nothing of what came after it was asked for", () => {
  const store = new QuestionStore();
  const item = (id: string) => ({
    task: { id: "t", agent: "a", context_id: "c" } as Task,
    question: { id, kind: "text", prompt: id, asked_at: "" } as AskedQuestion["question"],
  });
  store.reset([item("q1"), item("q2")], Date.now());
  vi.advanceTimersByTime(1_000);
  const askedAt = Date.now();
  vi.advanceTimersByTime(10);
  store.hear(asked("q3", ""), undefined);
  store.drop("t", "q2");
  store.reset([item("q1"), item("q2")], askedAt);
  expect(ids(store)).toEqual(["q1", "q3"]);
  vi.advanceTimersByTime(10);
  store.reset([item("q3")], Date.now());
  expect(ids(store)).toEqual(["q3"]);
});

test("who looks at a question is forgotten when they go, or fall silent", () => {
  let now = 0;
  const store = new QuestionStore(() => now);
  store.hear(asked("q1", ""), undefined);
  store.look(look("p1", "looking"));
  store.look(look("p2", "looking"));
  store.look(look("p2", "typing"));
  expect(store.get("t", "q1")?.looks.map((one) => one.state)).toEqual(["looking", "typing"]);
  store.look(look("p1", "left"));
  expect(store.get("t", "q1")?.looks.map((one) => one.page)).toEqual(["p2"]);
  now = 26_000;
  store.sweep();
  expect(store.get("t", "q1")?.looks).toEqual([]);
});
