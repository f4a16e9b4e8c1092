import { describe, expect, it } from "vitest";
import { firstAt, HIT_PX, nearest } from "./hit";
import { AXIS_PX, MARGIN_PX, type View, xOf, yOf } from "./layout";
import type { Place } from "./paint";
import { mark } from "./sample";
import type { Mark } from "./types";

const view: View = {
  width: 1000 + MARGIN_PX,
  height: 400 + AXIS_PX,
  dpr: 1,
  windowMs: 10_000,
  lanes: 4,
  right: 10_000,
};
const lanes = ["a", "b", "c", "d"];
const place = (m: Mark): Place => {
  const y = (id: string) => (lanes.includes(id) ? yOf(view, lanes.indexOf(id)) : undefined);
  return {
    x: xOf(view, m.at),
    began: xOf(view, m.began),
    from: y(m.from),
    to: y(m.to),
    height: 400,
  };
};
const hit = (marks: Mark[], x: number, y: number) => nearest(marks, view, place, x, y)?.mark.id;

describe("nearest", () => {
  it("finds a mark by the shape at its end, and tells where that is", () => {
    const marks = [mark({ id: "x", at: 5_000 })];
    expect(nearest(marks, view, place, 505, 153)).toEqual({ mark: marks[0], x: 500, y: 150 });
    expect(hit(marks, 500 + HIT_PX + 1, 150)).toBeUndefined();
    expect(hit(marks, 500, 300)).toBeUndefined();
  });

  it("prefers the nearer of two", () => {
    const marks = [mark({ id: "left", at: 5_000 }), mark({ id: "right", at: 5_100 })];
    expect(hit(marks, 503, 150)).toBe("left");
    expect(hit(marks, 507, 150)).toBe("right");
  });

  it("finds a handoff by its arc, far from both ends", () => {
    const marks = [mark({ id: "arc", kind: "handoff", to: "d", at: 5_000 })];
    expect(hit(marks, 487, 200)).toBe("arc");
    expect(hit(marks, 460, 200)).toBeUndefined();
  });

  it("prefers a shape to a line that passes by", () => {
    const marks = [
      mark({ id: "line", kind: "direct", from: "a", to: "d", at: 5_000 }),
      mark({ id: "shape", kind: "tool", from: "b", to: "b", at: 4_950 }),
    ].sort((p, q) => p.at - q.at);
    expect(hit(marks, 494, 150)).toBe("shape");
  });

  it("finds failures and tools in the sender's lane", () => {
    expect(hit([mark({ id: "x", kind: "error", at: 5_000 })], 500, 50)).toBe("x");
    expect(hit([mark({ id: "x", kind: "tool", from: "c", to: "c", at: 5_000 })], 500, 250)).toBe(
      "x",
    );
  });

  it("ignores marks that have no lane", () => {
    expect(hit([mark({ from: "gone", to: "too", at: 5_000 })], 500, 50)).toBeUndefined();
    expect(hit([mark({ id: "x", from: "person", to: "b", at: 5_000 })], 500, 150)).toBe("x");
  });

  it("agrees with a look at every mark, among thousands", () => {
    const marks = Array.from({ length: 5_000 }, (_, i) =>
      mark({
        id: String(i),
        kind: "tool",
        from: lanes[i % 4] ?? "a",
        to: lanes[i % 4] ?? "a",
        at: i * 2,
      }),
    );
    for (const [x, y] of [
      [100, 52],
      [499, 148],
      [750, 260],
    ] as const) {
      const all = marks.map((m) => Math.hypot(xOf(view, m.at) - x, (place(m).from ?? 0) - y));
      const found = marks.findIndex((m) => m.id === hit(marks, x, y));
      expect(all[found]).toBeCloseTo(Math.min(...all));
    }
  });
});

describe("firstAt", () => {
  it("finds where a time would be put", () => {
    const marks = [1, 3, 3, 7].map((at) => mark({ at }));
    expect([0, 1, 2, 3, 4, 8].map((time) => firstAt(marks, time))).toEqual([0, 0, 1, 1, 3, 4]);
  });
});
