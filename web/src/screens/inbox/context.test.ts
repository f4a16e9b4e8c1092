import { expect, test } from "vitest";
import type { Json, StoredEvent, Task } from "@/core/protocol";
import { contextOf } from "./context";

const TASK = {
  agent: "Billing",
  owner: "ada",
  content: "order 12",
  created_at: "2026-01-01T00:00:00Z",
} as unknown as Task;

const event = (sequence: number, kind: string, data: { [name: string]: Json }): StoredEvent => ({
  sequence,
  kind,
  at: "",
  data,
});

test("what was said, called, sent and answered is told; the rest is not", () => {
  const lines = contextOf(TASK, [
    event(1, "claimed", {}),
    event(2, "said", { text: "**Hello**" }),
    event(3, "said", { text: "Me too", agent: "Inner" }),
    event(4, "tool_call", { name: "find", arguments: { q: 1 } }),
    event(5, "sent", { message_type: "request", to_agent: "Shop" }),
    event(6, "answered", { by: "grace", answer: null, hidden: true }),
    event(7, "parked", {}),
  ]);
  expect(lines.map(({ kind, who, text }) => [kind, who, text])).toEqual([
    ["start", "ada", "order 12"],
    ["said", "Billing", "**Hello**"],
    ["said", "Inner", "Me too"],
    ["tool", "Billing", 'find {"q":1}'],
    ["sent", "Billing", "request to Shop"],
    ["answer", "grace", "not shown"],
  ]);
});

test("only the last of many, and what it was started with", () => {
  const many = Array.from({ length: 50 }, (_, ix) => event(ix, "said", { text: `${ix}` }));
  expect(contextOf(TASK, many, 2).map(({ text }) => text)).toEqual(["order 12", "48", "49"]);
});
