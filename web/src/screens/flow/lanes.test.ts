import { expect, test } from "vitest";
import type { AgentState } from "@/core/mesh/agents";
import type { Mark } from "@/core/swimlane";
import { lanesOf } from "./lanes";

const agent = (token: string, online = true) =>
  ({ token, name: token.toUpperCase(), online }) as unknown as AgentState;
const mark = (from: string, to: string, at: number) => ({ from, to, at }) as unknown as Mark;

test("people come first, then agents, then whoever else talks", () => {
  const { lanes } = lanesOf(
    [agent("a"), agent("b")],
    [mark("people", "a", 1), mark("you", "b", 2)],
  );
  expect(lanes.map((lane) => lane.id)).toEqual(["people", "a", "b", "you"]);
  expect(lanes.map((lane) => lane.label)).toEqual(["People", "A", "B", "you"]);
});

test("agents that are away have a lane while their talk is to be seen", () => {
  const { lanes } = lanesOf([agent("a", false), agent("b", false)], [mark("b", "", 1)]);
  expect(lanes.map((lane) => lane.id)).toEqual(["people", "b"]);
});

test("of too many, those that talked last stay, in their order", () => {
  const agents = Array.from({ length: 40 }, (_, ix) => agent(`a${ix}`));
  const { lanes, leftOut } = lanesOf(agents, [mark("a39", "a38", 5)]);
  expect(leftOut).toBe(12);
  expect(lanes).toHaveLength(29);
  expect(lanes.at(-1)?.id).toBe("a39");
});
