import { expect, test } from "vitest";
import type { OpenQuestion } from "@/core/mesh/questions";
import { landed } from "./landing";

const asked = (id: string, answered = false) =>
  ({
    task: { id },
    question: { id: "q" },
    answered: answered ? { by: "x", at: "", isPending: false } : null,
  }) as OpenQuestion;

test("a question lands once, and only while it is open", () => {
  const first = landed(new Set(), [asked("a"), asked("b", true)]);
  expect(first.fresh.map(({ task }) => task.id)).toEqual(["a"]);
  const next = landed(first.seen, [asked("a"), asked("c")]);
  expect(next.fresh.map(({ task }) => task.id)).toEqual(["c"]);
  expect(landed(next.seen, [asked("a"), asked("c")]).fresh).toEqual([]);
});
