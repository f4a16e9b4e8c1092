import { expect, test } from "vitest";
import type { Health } from "@/core/protocol";
import { gravest, laggards, mixed, remedyOf } from "./facts";

test("agents whose workers differ in their version", () => {
  const workers = [
    { agent: "a", version: "1" },
    { agent: "b", version: "1" },
    { agent: "a", version: "2" },
    { agent: "b", version: "1" },
  ] as Health["workers"];
  expect([...mixed(workers)]).toEqual(["a"]);
});

test("who is behind, and how far", () => {
  const stream = { lag: { x: 0, y: 3, z: 12 } } as unknown as Health["streams"][number];
  expect(laggards(stream)).toEqual([
    { consumer: "z", pending: 12 },
    { consumer: "y", pending: 3 },
  ]);
});

test("what is grave comes first", () => {
  const findings = ["ok", "info", "error", "warning"].map((level) => ({ level }));
  expect(gravest(findings as Health["findings"]).map(({ level }) => level)).toEqual([
    "error",
    "warning",
    "info",
    "ok",
  ]);
});

test("commands in what helps are told from the rest", () => {
  const told = (text: string) => remedyOf(text).map((one) => [one.text, one.isCommand]);
  expect(told("start it with `hubbub run`")).toEqual([
    ["Start it with ", false],
    ["hubbub run", true],
  ]);
  expect(told("`a` or `b`, at last").filter(([, isCommand]) => isCommand)).toHaveLength(2);
  expect(told("update the old ones")).toEqual([["Update the old ones", false]]);
});
