import { expect, it } from "vitest";
import { marksOf, offset } from "./axis";
import { type Stretch, scaleOf } from "./spans";

it("tells times after the beginning apart", () => {
  const cases: [number, string][] = [
    [0.2, "1 ms"],
    [340, "340 ms"],
    [999.7, "1 s"],
    [2_440, "2.4 s"],
    [59_940, "59.9 s"],
    [59_960, "1:00"],
    [70_000, "1:10"],
    [80_400, "1:20"],
    [3_599_600, "1:00:00"],
    [7_509_000, "2:05:09"],
    [266_700_000, "3 d 02:05"],
  ];
  for (const [ms, label] of cases) expect(offset(ms)).toBe(label);
});

it("writes even times, each of them once", () => {
  const labels = (ms: number) => {
    const stretches: Stretch[] = [{ kind: "work", from: 0, to: ms }];
    return marksOf(scaleOf(stretches, ms, true), stretches, ms, 9)
      .slice(1)
      .map((mark) => mark.label);
  };
  expect(labels(120_000)).toEqual(["+24 s", "+48 s", "+1:12", "+1:36", "+2:00"]);
  expect(labels(1)).toEqual(["+1 ms"]);
});

it("writes where squeezed waits begin and end", () => {
  const stretches: Stretch[] = [
    { kind: "work", from: 0, to: 70_000 },
    { kind: "person", from: 70_000, to: 7_270_000 },
    { kind: "work", from: 7_270_000, to: 7_340_000 },
  ];
  const marks = marksOf(scaleOf(stretches, 7_340_000, true), stretches, 7_340_000, 9);
  expect(marks.slice(1).map((mark) => mark.label)).toEqual(["+1:10", "+2:01:10", "+2:02:20"]);
});
