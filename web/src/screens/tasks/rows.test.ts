import { describe, expect, it } from "vitest";
import type { AgentState } from "@/core/mesh/agents";
import type { Task } from "@/core/protocol";
import { dollars, filtersOf, held, listed, searchOf, titleOf, waitingOn } from "./rows";

const task = (id: string, seconds: number, more: Partial<Task> = {}): Task => ({
  id,
  agent: "Mail-Bot",
  state: "working",
  context_id: "c",
  content: `about ${id}`,
  metadata: {},
  attempt: 1,
  error: "",
  from_agent: "Ada",
  held_up: "",
  version: "",
  owner: "ada",
  priority: 3,
  retry_of: "",
  created_at: "2026-01-01T00:00:00Z",
  updated_at: `2026-01-01T00:00:${String(seconds).padStart(2, "0")}Z`,
  ...more,
});
const ALL = filtersOf(new URLSearchParams());

describe("listed", () => {
  it("puts the newest word on each task first, once", () => {
    const pages = [task("a", 1), task("b", 2)];
    const live = [task("a", 5, { state: "completed" }), task("b", 1)];
    const found = listed(pages, live, ALL, "ada");
    expect(found.map(({ id, state }) => [id, state])).toEqual([
      ["a", "completed"],
      ["b", "working"],
    ]);
  });

  it("keeps to the filters", () => {
    const all = [
      task("a", 1, { state: "failed", error: "No ink" }),
      task("b", 2, { owner: "bob" }),
      task("c", 3, { agent: "Other" }),
    ];
    const ids = (more: object) => listed(all, [], { ...ALL, ...more }, "ada").map(({ id }) => id);
    expect(ids({ view: "failed" })).toEqual(["a"]);
    expect(ids({ isMine: true })).toEqual(["c", "a"]);
    expect(ids({ agent: "mail_bot" })).toEqual(["b", "a"]);
    expect(ids({ text: " no INK " })).toEqual(["a"]);
  });
});

it("holds the order still, and puts older pages behind", () => {
  const tasks = [task("new", 9), task("a", 8), task("b", 3), task("old", 1)];
  const order = { ids: ["b", "a", "gone"], end: task("", 3).updated_at };
  expect(held(tasks, order).map(({ id }) => id)).toEqual(["b", "a", "old"]);
  // The one at the end has changed since: what is new is still new.
  expect(held([...tasks, task("b", 10)], order).map(({ id }) => id)).toEqual(["b", "a", "old"]);
});

it("writes the filters to the address and reads them again", () => {
  const filters = { view: "asks", agent: "mail_bot", isMine: true, text: "a b" } as const;
  expect(filtersOf(searchOf(filters))).toEqual(filters);
  expect(searchOf(ALL).size).toBe(0);
  expect(filtersOf(new URLSearchParams("state=nonsense")).view).toBe("all");
});

it("names a task by its content, or by its parameters", () => {
  expect(titleOf(task("a", 1, { content: "one\ntwo" }))).toBe("one");
  expect(titleOf(task("a", 1, { content: "", metadata: { params: { n: 1, t: "x" } } }))).toBe(
    "n: 1 · t: x",
  );
});

describe("waitingOn", () => {
  const agent = { name: "Mail-Bot", online: true } as AgentState;
  it("tells who or what a task waits for", () => {
    const open = { state: "submitted" } as const;
    const first = task("a", 0, open);
    expect(waitingOn(first, agent)?.who).toBe("worker");
    expect(waitingOn(first, { ...agent, online: false })?.who).toBe("nobody");
    expect(waitingOn(first, null)?.who).toBe("nobody");
    expect(waitingOn(first, undefined)?.who).toBe("worker");
    expect(waitingOn(task("a", 3, { ...open, error: "E" }), agent)?.who).toBe("retry");
    expect(waitingOn(task("a", 3, open), agent)?.who).toBe("rest");
    expect(waitingOn(task("a", 3), agent)).toBeNull();
    const questions = ["Go on?", "Really?"].map((prompt, id) => ({
      id: `${id}`,
      kind: "text" as const,
      prompt,
      asked_at: "",
      answered_at: "",
      answered_by: "",
      expires_at: "",
      reason: "",
      secret: false,
      tool: "",
    }));
    const asks = task("a", 3, { state: "input-required", questions });
    expect(waitingOn(asks, agent)).toEqual({ who: "person", text: "Go on? (+1)" });
    const answered = questions.map((one) => ({ ...one, answered_by: "ada" }));
    const told = task("a", 3, { state: "input-required", questions: answered });
    expect(waitingOn(told, agent)?.who).toBe("worker");
    const version = "nobody serves version '1' of Mail-Bot";
    expect(waitingOn({ ...told, held_up: version }, agent)?.text).toBe(version);
  });

  it("tells why nobody goes on", () => {
    const version = "nobody serves version '1' of Mail-Bot";
    for (const state of ["working", "submitted"] as const)
      expect(waitingOn(task("a", 3, { state, held_up: version }), agent)).toEqual({
        who: "nobody",
        text: version,
      });
    const away = task("a", 3, { held_up: "nobody serves Mail-Bot" });
    expect(waitingOn(away, { ...agent, online: false })?.who).toBe("nobody");
    expect(waitingOn(away, agent)).toBeNull(); // somebody has come since
    expect(waitingOn({ ...away, state: "completed" }, null)).toBeNull();
  });
});

it("writes small sums with what is left of them", () => {
  expect([0, 0.00123, 1.5].map(dollars)).toEqual(["$0.00", "$0.0012", "$1.50"]);
});
