import { describe, expect, test } from "vitest";
import type { Look, OpenQuestion } from "@/core/mesh/questions";
import type { Json, Question, Task } from "@/core/protocol";
import {
  answerText,
  countdown,
  hasOwnPrompt,
  headline,
  timeLeft,
  whatCame,
  whoAnswered,
  whoLooks,
} from "./words";

const look = (user: string, state: Look["state"] = "looking", page = user): Look => ({
  user,
  page,
  state,
  until: 0,
});

const QUESTION: Question = {
  id: "q",
  kind: "approval",
  prompt: "",
  tool: "refund",
  reason: "Above the limit",
  arguments: { amount: 249 },
  asked_at: "",
  answered_at: "",
  answered_by: "",
  expires_at: "",
  secret: false,
};

function answered(answer: Json | undefined, by = "Grace"): OpenQuestion {
  const said = { by, at: "", answer, isPending: false };
  return { task: {} as Task, question: QUESTION, answered: said, looks: [] };
}

describe("who looks", () => {
  test("nobody, one, some, many", () => {
    expect(whoLooks([], "me")).toBe("");
    expect(whoLooks([look("Ada")], "me")).toBe("Ada is looking");
    expect(whoLooks([look("Ada"), look("Grace")], "me")).toBe("Ada and Grace are looking");
    expect(
      whoLooks(
        ["a", "b", "c", "d"].map((user) => look(user)),
        "me",
      ),
    ).toBe("4 people are looking");
  });

  test("who types is more than who looks", () => {
    expect(whoLooks([look("Ada"), look("Grace", "typing")], "me")).toBe("Grace is typing");
    const twice = [look("Ada", "typing", "1"), look("Ada", "looking", "2")];
    expect(whoLooks(twice, "me")).toBe("Ada is typing");
  });

  test("oneself, elsewhere", () => {
    expect(whoLooks([look("me")], "me")).toBe("You are looking in another window");
  });
});

describe("what was answered", () => {
  const told = (one: OpenQuestion) =>
    one.answered && [whoAnswered(one.answered, "me"), answerText(one)];

  test("a text, choices, none of them", () => {
    expect(told(answered("Oslo"))).toEqual(["Grace answered", "Oslo"]);
    expect(told(answered(["a", "b"], "me"))).toEqual(["You answered", "a, b"]);
    expect(told(answered([]))).toEqual(["Grace answered", "none"]);
  });

  test("a decision, with what was changed and why", () => {
    expect(told(answered({ decision: "approve", arguments: null, comment: "" }))).toEqual([
      "Grace approved",
      "",
    ]);
    expect(told(answered({ decision: "approve", arguments: { amount: 200 } }))).toEqual([
      "Grace approved",
      "amount: 200",
    ]);
    expect(told(answered({ decision: "reject", comment: "Too much" }))).toEqual([
      "Grace rejected",
      "Too much",
    ]);
  });

  test("a secret is not told; nobody in time", () => {
    expect(told(answered(undefined))).toEqual(["Grace answered", ""]);
    expect(told(answered(undefined, ""))).toEqual(["Nobody answered in time", ""]);
  });
});

test("a question has words in any case", () => {
  expect(headline(QUESTION)).toBe("refund: Above the limit");
  expect(headline({ ...QUESTION, reason: "" })).toBe("May refund be used?");
  expect(headline({ ...QUESTION, kind: "text", prompt: "Who?" })).toBe("Who?");
  expect(hasOwnPrompt({ ...QUESTION, prompt: "May refund be used?" })).toBe(false);
  expect(hasOwnPrompt({ ...QUESTION, prompt: "Ada is angry" })).toBe(true);
});

test("what came of an answer", () => {
  const came = (state: string, facts = {}) => whatCame({ state, ...facts } as Task);
  expect(came("input-required")).toBe("");
  expect(came("working")).toBe("The task goes on.");
  expect(came("completed", { result: "Told them\nall" })).toBe("The task is done: Told them");
  expect(came("failed", { error: "No money" })).toBe("The task failed: No money");
  expect(whatCame(undefined)).toBe("");
});

test("the time that is left", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  const until = (expires_at: string) => timeLeft({ ...QUESTION, expires_at }, now);
  expect(until("")).toBeNull();
  expect(until("2026-01-01T12:01:05Z")).toBe(65_000);
  expect(until("2026-01-01T11:00:00Z")).toBe(0);
  expect([65_000, 1, 7_200_000].map(countdown)).toEqual(["1:05", "0:01", "2 h"]);
});
