import { describe, expect, it } from "vitest";
import { Histogram, LatencySeries, RateSeries } from "./series";

const START = 1_700_000_000_000;

describe("RateSeries", () => {
  it("counts events a second, without the second that is still filling", () => {
    const series = new RateSeries();
    for (let i = 0; i < 50; i++) series.add(START + i);
    series.add(START + 1_500, 7);
    expect(series.rate(START + 1_900)).toBe(50);
    expect(series.rate(START + 2_000, 2_000)).toBe(28.5);
  });

  it("gives points at the finest resolution that still covers the span", () => {
    const series = new RateSeries();
    for (let s = 0; s < 7_200; s++) series.add(START + s * 1_000, 3);
    const now = START + 7_200_000;
    const steps = [60_000, 3_600_000, 7_100_000].map((span) => {
      const points = series.points(now, span);
      const gap = (points[1]?.at ?? 0) - (points[0]?.at ?? 0);
      const inner = points.slice(1, -1);
      expect(inner.every(({ rate }) => rate === 3)).toBe(true);
      return { gap, count: points.length };
    });
    expect(steps).toEqual([
      { gap: 1_000, count: 60 },
      { gap: 10_000, count: 360 },
      { gap: 10_000, count: 710 },
    ]);
    expect(series.points(now, 7_200_000)).toHaveLength(119);
  });

  it("forgets what is too old and shows silence as zero", () => {
    const series = new RateSeries();
    series.add(START, 100);
    const points = series.points(START + 3_000_000_000, 60_000);
    expect(points.map(({ rate }) => rate)).toEqual(points.map(() => 0));
  });

  it("leaves out an event that is older than what its place holds now", () => {
    const series = new RateSeries();
    series.add(START + 600_000, 5);
    series.add(START, 100);
    expect(series.rate(START + 601_000)).toBe(5);
  });
});

describe("Histogram", () => {
  it("gives percentiles within 5 %", () => {
    const histogram = new Histogram();
    for (let i = 1; i <= 10_000; i++) histogram.add(i / 10);
    for (const [part, exact] of [
      [0.5, 500],
      [0.95, 950],
      [0.99, 990],
    ] as const) {
      expect(Math.abs((histogram.percentile(part) ?? 0) / exact - 1)).toBeLessThan(0.05);
    }
  });

  it("holds the shortest and the longest times", () => {
    const histogram = new Histogram();
    histogram.add(0);
    expect(histogram.percentile(0.5)).toBe(0.1);
    histogram.add(1e12);
    expect(histogram.percentile(1)).toBeGreaterThan(6_000_000);
  });

  it("merges as if all had been counted in one", () => {
    const [a, b, all] = [new Histogram(), new Histogram(), new Histogram()];
    for (const ms of [3, 30, 300]) a.add(ms);
    for (const ms of [5, 50]) b.add(ms);
    for (const ms of [3, 30, 300, 5, 50]) all.add(ms);
    a.merge(b);
    expect(a).toEqual(all);
  });

  it("knows nothing while it is empty", () => {
    expect(new Histogram().percentile(0.5)).toBeNull();
  });
});

describe("LatencySeries", () => {
  it("forgets what has left its window", () => {
    const series = new LatencySeries(10_000);
    series.add(START, 1_000);
    series.add(START + 9_000, 10);
    expect(series.percentiles(START + 9_500)?.count).toBe(2);
    const later = series.percentiles(START + 10_500);
    expect(later?.count).toBe(1);
    expect(later?.p99).toBeGreaterThan(9);
    expect(later?.p99).toBeLessThan(11);
    expect(series.percentiles(START + 60_000)).toBeNull();
  });

  it("tells the tail from the middle", () => {
    const series = new LatencySeries();
    for (let i = 0; i < 1_000; i++) series.add(START + i, i < 940 ? 20 : i < 985 ? 200 : 2_000);
    const { p50, p95, p99 } = series.percentiles(START + 1_000) ?? { p50: 0, p95: 0, p99: 0 };
    expect([p50, p95, p99].map((ms) => Math.round(Math.log10(ms)))).toEqual([1, 2, 3]);
  });
});
