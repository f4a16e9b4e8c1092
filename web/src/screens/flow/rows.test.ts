import { expect, test } from "vitest";
import type { Mark } from "@/core/swimlane";
import { firstOf, rowsOf } from "./rows";

const mark = (id: string, at: number, trace = "c") => ({ id, at, trace }) as unknown as Mark;

test("the newest comes first, also if what was said earlier was heard later", () => {
  const marks = [mark("new", 5), mark("old", 1), mark("other", 3, "d")];
  expect(rowsOf(marks, null).map((one) => one.id)).toEqual(["new", "other", "old"]);
  expect(rowsOf(marks, "c").map((one) => one.id)).toEqual(["new", "old"]);
  expect(firstOf(marks, 9)).toBe(1);
  expect(firstOf([], 9)).toBe(9);
});
