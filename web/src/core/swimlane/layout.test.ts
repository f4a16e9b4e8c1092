import { describe, expect, it } from "vitest";
import {
  AXIS_PX,
  clampWindow,
  columnOf,
  duration,
  laneOf,
  MARGIN_PX,
  scaleOf,
  ticks,
  timeOf,
  type View,
  xOf,
  yOf,
  zoomed,
} from "./layout";

const view: View = {
  width: 1200 + MARGIN_PX,
  height: 400 + AXIS_PX,
  dpr: 1,
  windowMs: 12_000,
  lanes: 4,
  right: 1_000_000,
};

describe("layout", () => {
  it("puts the window between the left edge and the now line", () => {
    expect(xOf(view, view.right)).toBe(1200);
    expect(xOf(view, view.right - 12_000)).toBe(0);
    expect(timeOf(view, xOf(view, 995_123))).toBeCloseTo(995_123);
  });

  it("shares the height above the times among the lanes", () => {
    expect([0, 1, 2, 3].map((lane) => yOf(view, lane))).toEqual([50, 150, 250, 350]);
    expect([-5, 99, 100, 421].map((y) => laneOf(view, y))).toEqual([0, 0, 1, 3]);
  });

  it("marks round times, far enough apart to read, at every zoom", () => {
    for (const windowMs of [5_000, 12_000, 60_000, 600_000, 3_600_000]) {
      for (const width of [330, 1220]) {
        const at = ticks({ ...view, width, windowMs, right: 1_700_000_000_000 });
        const gaps = at.slice(1).map((tick, i) => tick.at - (at[i]?.at ?? 0));
        const [gap = 0] = gaps;
        expect(new Set(gaps).size).toBe(1);
        expect(gap * scaleOf({ ...view, width, windowMs })).toBeGreaterThanOrEqual(84);
        expect(at.length).toBeGreaterThan(1);
        expect(gap % 1000).toBe(0);
      }
    }
  });

  it("leaves out the seconds where ticks are minutes", () => {
    const labels = (windowMs: number) => ticks({ ...view, windowMs }).map((tick) => tick.label);
    expect(labels(12_000)[0]).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(labels(3_600_000)[0]).toMatch(/^\d\d:\d\d$/);
  });

  it("cuts an hour into no more columns than 12 seconds, from coarser bins", () => {
    const columns = [12_000, 60_000, 600_000, 3_600_000].map((windowMs) => {
      const { ms, level } = columnOf(scaleOf({ ...view, windowMs }));
      expect(ms * scaleOf({ ...view, windowMs })).toBeGreaterThanOrEqual(4);
      return { count: windowMs / ms, level };
    });
    expect(Math.max(...columns.map(({ count }) => count))).toBeLessThanOrEqual(300);
    expect(columns.map(({ level }) => level)).toEqual([0, 0, 1, 2]);
  });

  it("widens columns further on a narrow canvas", () => {
    const scale = scaleOf({ ...view, width: 200, windowMs: 3_600_000 });
    const { ms, level } = columnOf(scale);
    expect(ms % 10_000).toBe(0);
    expect(level).toBe(2);
    expect(ms * scale).toBeGreaterThanOrEqual(4);
  });

  it("zooms by steps from 5 s to 1 h and no farther", () => {
    expect(zoomed(12_000, -1)).toBe(5_000);
    expect(zoomed(5_000, -1)).toBe(5_000);
    expect(zoomed(20_000, 1)).toBe(30_000);
    expect(zoomed(3_600_000, 1)).toBe(3_600_000);
    expect([1, 7_000.4, 1e9].map(clampWindow)).toEqual([5_000, 7_000, 3_600_000]);
  });

  it("says lengths of time as people do", () => {
    expect([0, 340, 999.6, 2_440, 9_960, 59_400, 60_000, 80_000, 7_500_000].map(duration)).toEqual([
      "0 ms",
      "340 ms",
      "1.0 s",
      "2.4 s",
      "10 s",
      "59 s",
      "1 min",
      "1 min 20 s",
      "2 h 5 min",
    ]);
  });
});
