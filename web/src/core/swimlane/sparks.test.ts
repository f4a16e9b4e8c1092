import { describe, expect, it } from "vitest";
import { mark } from "./sample";
import { Sparks, wayOf } from "./sparks";

describe("highlights", () => {
  const busy = { lively: false, dense: true };

  it("follow every message while traffic is lively, else only what matters", () => {
    expect(wayOf(mark(), { lively: true, dense: false })).toBe("arc");
    expect(wayOf(mark(), busy)).toBeNull();
    expect(wayOf(mark({ kind: "handoff" }), busy)).toBe("arc");
  });

  it("stay in the lane for questions, and for failures among dense traffic", () => {
    expect(wayOf(mark({ kind: "question", to: "a" }), busy)).toBe("stay");
    expect(wayOf(mark({ kind: "error" }), busy)).toBe("stay");
    expect(wayOf(mark({ kind: "error" }), { lively: false, dense: false })).toBe("arc");
  });

  it("leave out what goes nowhere", () => {
    const lively = { lively: true, dense: false };
    expect(wayOf(mark({ kind: "tool", to: "a" }), lively)).toBeNull();
    expect(wayOf(mark({ kind: "broadcast", to: "" }), lively)).toBeNull();
  });

  it("end by themselves", () => {
    const sparks = new Sparks();
    sparks.add(mark(), 0, 1, 1_000);
    sparks.beat(0, 1_000);
    expect([sparks.hasArcs(1_500), sparks.hasBeats(1_500)]).toEqual([true, true]);
    expect([sparks.hasArcs(2_000), sparks.hasBeats(2_200)]).toEqual([false, false]);
  });
});
