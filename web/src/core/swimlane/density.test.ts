import { describe, expect, it } from "vitest";
import { Bins } from "./bins";
import { Density, denseAt, denseLimit, Sampler } from "./density";
import { columnOf } from "./layout";
import { mark } from "./sample";

const LIMIT = 150;
const dense = (rates: number[], open = false) =>
  denseAt((i) => rates[i] ?? 0, rates.length - 1, LIMIT, open);

describe("density", () => {
  it("begins above the limit and ends only below 70 % of it", () => {
    expect(dense([140])).toBe(false);
    expect(dense([160])).toBe(true);
    expect(dense([160, 120])).toBe(true);
    expect(dense([160, 120, 110])).toBe(true);
    expect(dense([160, 120, 100])).toBe(false);
    expect(dense([160, 100, 120])).toBe(false);
  });

  it("lasts while a segment is still filling, which can only turn dense", () => {
    expect(dense([200, 3], true)).toBe(true);
    expect(dense([20, 3], true)).toBe(false);
    expect(dense([20, 200], true)).toBe(true);
  });

  it("allows 150 marks a second close up, and fewer where a second has fewer pixels", () => {
    expect(denseLimit(240 / 1000)).toBe(150);
    expect(denseLimit(100 / 1000)).toBe(150);
    expect(denseLimit(10 / 1000)).toBeCloseTo(15);
  });

  it("is judged anew when late marks come in", () => {
    const bins = new Bins();
    const density = new Density(bins, columnOf(0.1), 0.1);
    expect(density.dense(5, 60_000)).toBe(false);
    for (let i = 0; i < 200; i++) bins.add(mark({ at: 5_000 + i }));
    expect(density.dense(5, 60_000)).toBe(false);
    density.forget(5);
    expect(density.dense(5, 60_000)).toBe(true);
  });
});

describe("Sampler", () => {
  const handoff = (at: number, from = "a") => mark({ kind: "handoff", at, from });

  it("keeps handoffs apart over all lanes", () => {
    const sampler = new Sampler(0.1);
    expect(sampler.admit(handoff(0))).toBe(true);
    expect(sampler.admit(handoff(100, "b"))).toBe(false);
    expect(sampler.admit(handoff(400, "b"))).toBe(true);
  });

  it("keeps failures apart only within their lane", () => {
    const sampler = new Sampler(0.1);
    const failure = (at: number, from: string) => mark({ kind: "error", at, from });
    expect(sampler.admit(failure(0, "a"))).toBe(true);
    expect(sampler.admit(failure(10, "b"))).toBe(true);
    expect(sampler.admit(failure(20, "a"))).toBe(false);
    expect(sampler.admit(failure(200, "a"))).toBe(true);
  });

  it("lets people and slow replies give way to whatever is near, and failures to nothing else", () => {
    const sampler = new Sampler(0.1);
    expect(sampler.admit(mark({ kind: "question", at: 0 }))).toBe(true);
    expect(sampler.admit(mark({ person: true, at: 100 }))).toBe(false);
    expect(sampler.admit(mark({ kind: "reply", slow: true, at: 100 }))).toBe(false);
    expect(sampler.admit(mark({ kind: "error", at: 100 }))).toBe(true);
    expect(sampler.admit(mark({ person: true, at: 300 }))).toBe(true);
  });
});
