import { describe, expect, it } from "vitest";
import { Bins, KIND_COUNT, LEVELS } from "./bins";
import { mark } from "./sample";
import { KINDS } from "./types";

const lane = (bins: Bins, name: string, level = 0, from = 0, to = 10_000) => {
  const row = new Float64Array(KIND_COUNT);
  bins.lane(level, name, from, to, row);
  return Object.fromEntries(KINDS.map((kind, k) => [kind, row[k]]).filter(([, n]) => n));
};

describe("Bins", () => {
  it("count a mark once in all, and in both its lanes, at every resolution", () => {
    const bins = new Bins();
    bins.add(mark({ at: 1_050 }));
    for (const level of LEVELS.keys()) {
      expect(bins.total(level, 0, 10_000)).toBe(1);
      expect(lane(bins, "a", level)).toEqual({ request: 1 });
      expect(lane(bins, "b", level)).toEqual({ request: 1 });
    }
    expect(bins.total(0, 1_000, 1_100)).toBe(1);
    expect(bins.total(0, 1_100, 1_200)).toBe(0);
  });

  it("count what stays within a lane once there, and a broadcast with its sender", () => {
    const bins = new Bins();
    bins.add(mark({ kind: "tool", to: "a" }));
    bins.add(mark({ kind: "broadcast", to: "" }));
    expect(lane(bins, "a")).toEqual({ tool: 1, broadcast: 1 });
  });

  it("count whatever failed as an error", () => {
    const bins = new Bins();
    bins.add(mark({ kind: "reply", failed: true }));
    expect(lane(bins, "a")).toEqual({ error: 1 });
  });

  it("use a bin again when its time has passed, and leave out what is too late", () => {
    const bins = new Bins();
    const [{ ms, keep }] = LEVELS;
    bins.add(mark({ at: 0 }));
    bins.add(mark({ at: ms * keep }));
    bins.add(mark({ at: 0 }));
    expect(bins.total(0, 0, ms)).toBe(0);
    expect(bins.total(0, ms * keep, ms * keep + ms)).toBe(1);
    expect(bins.total(1, 0, 1_000)).toBe(2);
  });

  it("forget lanes that are gone once many names have been seen, and keep the others' counts", () => {
    const bins = new Bins();
    for (let i = 0; i < 300; i++) bins.add(mark({ from: `agent-${i}`, to: "" }));
    expect(lane(bins, "agent-299")).toEqual({});
    bins.retain(["agent-7", "agent-299"]);
    bins.add(mark({ from: "agent-299", to: "" }));
    expect(lane(bins, "agent-7")).toEqual({ request: 1 });
    expect(lane(bins, "agent-299")).toEqual({ request: 1 });
    expect(lane(bins, "agent-8")).toEqual({});
  });
});
