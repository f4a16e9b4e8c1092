import { describe, expect, test } from "vitest";
import type { DeadLetter } from "@/core/protocol";
import { attemptsOf, contentOf, counted, matching, merged, rowsOf, subjectOf } from "./letters";

function letter(sequence: number, facts: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: `billing/${sequence}`,
    agent: "billing",
    task_id: `${sequence}`,
    kind: "task",
    reason: "gave up",
    errors: [],
    payload: '{"content": "order 12"}',
    truncated: false,
    sequence,
    at: "",
    ...facts,
  };
}

describe("groups", () => {
  const letters = [
    letter(4),
    letter(3, { agent: "shop" }),
    letter(2),
    letter(1, { reason: "old" }),
  ];

  test("are by agent and reason, the newest first", () => {
    const rows = rowsOf(letters, new Set());
    expect(rows.map((row) => (row.kind === "group" ? row.letters.length : row.key))).toEqual([
      2,
      "billing/4",
      "billing/2",
      1,
      "billing/3",
      1,
      "billing/1",
    ]);
  });

  test("that are closed show how many there are, and none of them", () => {
    const rows = rowsOf(letters, new Set(["billing\ngave up"]));
    expect(rows.map(({ kind }) => kind)).toEqual(["group", "group", "letter", "group", "letter"]);
  });
});

test("filters look at agent, reason and all of the text", () => {
  const letters = [letter(1), letter(2, { agent: "shop", errors: ["No Money"] })];
  const found = (facts: object) =>
    matching(letters, { agent: "", reason: "", text: "", ...facts }).map((one) => one.sequence);
  expect(found({})).toEqual([1, 2]);
  expect(found({ agent: "shop" })).toEqual([2]);
  expect(found({ text: " no money " })).toEqual([2]);
  expect(found({ text: "order", reason: "old" })).toEqual([]);
});

test("what it says: of a message, or whatever came", () => {
  expect(contentOf(letter(1))).toBe("order 12");
  expect(subjectOf(letter(1, { payload: '{"content": {"a": 1}}' }))).toBe('{"a":1}');
  expect(contentOf(letter(1, { payload: "[1" }))).toBeUndefined();
  expect(subjectOf(letter(1, { payload: "[1" }))).toBe("[1");
});

test("counts, the most frequent first", () => {
  expect(counted(["b", "a", "c", "c"])).toEqual([
    ["c", 2],
    ["a", 1],
    ["b", 1],
  ]);
});

test("a page that is read anew keeps what is older", () => {
  const known = [letter(5), letter(4), letter(3), letter(2)];
  const sequences = (isAll: boolean) =>
    merged([letter(6), letter(4)], isAll, known).map((one) => one.sequence);
  expect(sequences(false)).toEqual([6, 4, 3, 2]);
  expect(sequences(true)).toEqual([6, 4]);
});

test("the same error in a row is told once", () => {
  expect(attemptsOf(["a", "a", "b", "a"])).toEqual([
    { first: 1, last: 2, error: "a" },
    { first: 3, last: 3, error: "b" },
    { first: 4, last: 4, error: "a" },
  ]);
});
