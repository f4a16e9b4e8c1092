import { describe, expect, it } from "vitest";
import { mark } from "./sample";
import { chain } from "./trace";
import type { Kind, Mark } from "./types";

const m = (kind: Kind, from: string, to: string, at: number, began = at): Mark =>
  mark({ kind, from, to, at, began });
const times = (marks: Mark[]) =>
  chain(marks).map(({ from, to, waiting, working, done }) => ({
    from,
    to,
    waiting,
    working,
    done,
  }));

describe("chain", () => {
  it("follows work from its start through every handoff to its end", () => {
    const marks = [
      m("direct", "user", "triage", 0),
      m("handoff", "triage", "coder", 500, 100),
      m("handoff", "coder", "reviewer", 3_000, 900),
      m("completion", "reviewer", "user", 4_000, 3_200),
    ];
    expect(times(marks)).toEqual([
      { from: "user", to: "triage", waiting: 100, working: 400, done: 500 },
      { from: "triage", to: "coder", waiting: 400, working: 2_100, done: 3_000 },
      { from: "coder", to: "reviewer", waiting: 200, working: 800, done: 4_000 },
    ]);
  });

  it("does not depend on the order of the marks", () => {
    const marks = [
      m("direct", "u", "a", 0),
      m("handoff", "a", "b", 5, 1),
      m("reply", "b", "u", 9, 6),
    ];
    expect(times([...marks].reverse())).toEqual(times(marks));
  });

  it("leaves out side conversations", () => {
    const marks = [
      m("direct", "u", "a", 0),
      m("request", "a", "helper", 10),
      m("reply", "helper", "a", 20, 12),
      m("completion", "a", "u", 50, 5),
    ];
    expect(times(marks)).toEqual([{ from: "u", to: "a", waiting: 5, working: 45, done: 50 }]);
  });

  it("counts the time in which a person was asked as waiting, once where questions overlap", () => {
    const marks = [
      m("direct", "u", "a", 0),
      m("question", "a", "a", 100),
      m("question", "a", "a", 150),
      m("answer", "u", "a", 300),
      m("answer", "u", "a", 400),
      m("completion", "a", "u", 1_000, 0),
    ];
    expect(times(marks)).toEqual([{ from: "u", to: "a", waiting: 300, working: 700, done: 1_000 }]);
  });

  it("takes the first sign of life for the start where the end does not tell", () => {
    const marks = [
      m("direct", "u", "a", 0),
      m("tool", "a", "a", 200),
      m("completion", "a", "u", 500),
    ];
    expect(times(marks)).toEqual([{ from: "u", to: "a", waiting: 200, working: 300, done: 500 }]);
  });

  it("does not make up times that nothing tells", () => {
    const marks = [m("direct", "u", "a", 0), m("completion", "a", "u", 500)];
    expect(times(marks)).toEqual([{ from: "u", to: "a", waiting: null, working: null, done: 500 }]);
  });

  it("leaves the last link open while the work lasts", () => {
    const [link] = chain([m("direct", "u", "a", 0), m("tool", "a", "a", 80)]);
    expect(link).toMatchObject({ taken: 80, done: null, waiting: 80, working: null });
    expect(chain([m("direct", "u", "a", 0)])[0]).toMatchObject({ taken: null, done: null });
  });

  it("ends with a failure as well", () => {
    const marks = [m("handoff", "a", "b", 0), m("error", "b", "a", 70, 20)];
    expect(times(marks)).toEqual([{ from: "a", to: "b", waiting: 20, working: 50, done: 70 }]);
  });

  it("never goes back before the handover: a start reported too early means no waiting", () => {
    const marks = [m("handoff", "a", "b", 100), m("completion", "b", "a", 200, 20)];
    expect(times(marks)).toEqual([{ from: "a", to: "b", waiting: 0, working: 100, done: 200 }]);
  });

  it("is empty without work", () => {
    expect(chain([])).toEqual([]);
    expect(chain([m("broadcast", "a", "", 0), m("tool", "a", "a", 1)])).toEqual([]);
  });
});
