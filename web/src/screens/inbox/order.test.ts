import { describe, expect, test } from "vitest";
import type { OpenQuestion } from "@/core/mesh/questions";
import { chosen, keyOf, neighbour } from "./order";

function asked(task: string, facts: { owner?: string; agent?: string; done?: boolean } = {}) {
  const { owner = "ada", agent = "Billing", done = false } = facts;
  return {
    task: { id: task, owner, agent },
    question: { id: "q" },
    answered: done ? { by: "x", at: "", isPending: false } : null,
    looks: [],
  } as unknown as OpenQuestion;
}

describe("the next question", () => {
  const list = [asked("a"), asked("b", { done: true }), asked("c"), asked("d")];
  const next = (key: string, step: 1 | -1 = 1) => neighbour(list, `${key}/q`, step)?.task.id;

  test("is the open one behind it, and goes round", () => {
    expect([next("a"), next("b"), next("c"), next("d")]).toEqual(["c", "c", "d", "a"]);
  });

  test("or the one before it", () => {
    expect([next("a", -1), next("c", -1)]).toEqual(["d", "a"]);
  });

  test("of one that has gone is the first, or the last", () => {
    expect([next("gone"), next("gone", -1)]).toEqual(["a", "d"]);
  });

  test("is none if there is no other", () => {
    expect(neighbour([], "a/q", 1)).toBeUndefined();
    expect(neighbour([asked("a")], "a/q", 1)).toBeUndefined();
    expect(neighbour([asked("a"), asked("b", { done: true })], "a/q", -1)).toBeUndefined();
  });
});

test("filters: mine, and of one agent", () => {
  const list = [asked("a"), asked("b", { owner: "grace" }), asked("c", { agent: "Weather-Bot" })];
  const shown = (filter: Parameters<typeof chosen>[1]) => chosen(list, filter, "ada").map(keyOf);
  expect(shown({ whose: "mine", agent: "" })).toEqual(["a/q", "c/q"]);
  expect(shown({ whose: "all", agent: "weather_bot" })).toEqual(["c/q"]);
});
