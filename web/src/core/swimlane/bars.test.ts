import { describe, expect, it } from "vitest";
import { barScale, peakRate } from "./bars";
import { Bins } from "./bins";
import { mark } from "./sample";

describe("the scale of volume bars", () => {
  it("fits the peak, and shrinks only when it is much too large", () => {
    expect(barScale(1, 100)).toBe(128);
    expect(barScale(128, 65)).toBe(128);
    expect(barScale(128, 40)).toBe(128);
    expect(barScale(128, 20)).toBe(32);
    expect(barScale(128, 0)).toBeLessThan(1);
  });

  it("is the highest rate of a lane, smoothed with the columns beside it", () => {
    const bins = new Bins();
    for (let i = 0; i < 40; i++) bins.add(mark({ at: 1_000 + i, to: "" }));
    const lanes = [{ id: "a", label: "A" }];
    expect(peakRate(bins, { ms: 100, level: 0 }, lanes, 0, 3_000)).toBeCloseTo(200);
    expect(peakRate(bins, { ms: 1_000, level: 1 }, lanes, 0, 3_000)).toBeCloseTo(20);
  });
});
