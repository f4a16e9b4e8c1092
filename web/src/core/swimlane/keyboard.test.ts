import { describe, expect, it } from "vitest";
import { describe as inWords } from "./describe";
import { actionOf, changeLane, edge, type Focus, step } from "./keyboard";
import { mark } from "./sample";

const marks = [
  mark({ id: "1", from: "a", to: "b", at: 1_000 }),
  mark({ id: "2", from: "b", to: "c", at: 2_000 }),
  mark({ id: "3", from: "c", to: "a", at: 3_100 }),
  mark({ id: "4", from: "a", to: "a", kind: "tool", at: 4_000 }),
];
const focusOn = (id: string, lane: string): Focus => {
  const found = marks.find((m) => m.id === id);
  if (found === undefined) throw new Error(`no mark ${id}`);
  return { mark: found, lane };
};
const shown = (focus: Focus | null) => focus && `${focus.mark.id} in ${focus.lane}`;

describe("keyboard", () => {
  it("leaves keys alone that mean nothing here", () => {
    expect(["Tab", "a", "F5", "toString"].map(actionOf)).toEqual([null, null, null, null]);
    expect(actionOf(" ")).toEqual({ do: "pause" });
    expect(actionOf("+")).toEqual({ do: "zoom", by: -1 });
  });

  it("begins with the newest mark", () => {
    expect(shown(step(marks, null, -1))).toBe("4 in a");
    expect(shown(changeLane(marks, ["a", "b", "c"], null, 1))).toBe("4 in a");
    expect(step([], null, 1)).toBeNull();
  });

  it("goes from mark to mark of a lane, whichever end of the mark is there", () => {
    expect(shown(step(marks, focusOn("4", "a"), -1))).toBe("3 in a");
    expect(shown(step(marks, focusOn("3", "a"), -1))).toBe("1 in a");
    expect(step(marks, focusOn("1", "a"), -1)).toBeNull();
    expect(shown(step(marks, focusOn("1", "b"), 1))).toBe("2 in b");
  });

  it("goes on nearby when the mark has left the view", () => {
    const gone = { mark: mark({ id: "gone", at: 2_900 }), lane: "a" };
    expect(shown(step(marks, gone, 1))).toBe("3 in a");
  });

  it("goes to the nearest mark of the next lane that has any", () => {
    const lanes = ["a", "idle", "b", "c"];
    expect(shown(changeLane(marks, lanes, focusOn("3", "a"), 1))).toBe("2 in b");
    expect(shown(changeLane(marks, lanes, focusOn("2", "b"), -1))).toBe("1 in a");
    expect(changeLane(marks, lanes, focusOn("3", "c"), 1)).toBeNull();
  });

  it("goes to both ends of a lane", () => {
    expect(shown(edge(marks, focusOn("3", "a"), "first"))).toBe("1 in a");
    expect(shown(edge(marks, focusOn("1", "c"), "last"))).toBe("3 in c");
    expect(shown(edge(marks, null, "first"))).toBe("1 in a");
  });
});

describe("describe", () => {
  it("says what happened, between whom, when and after how long", () => {
    const at = new Date(2026, 0, 2, 10, 21, 5).getTime();
    const names = (id: string) => ({ a: "Triage", b: "Billing" })[id] ?? id;
    const handoff = mark({ kind: "handoff", at, began: at - 1_200, slow: true });
    expect(inWords(handoff, names)).toBe(
      "Handoff from Triage to Billing at 10:21:05 after 1.2 s. Slow.",
    );
    expect(inWords(mark({ kind: "broadcast", to: "", at }))).toBe(
      "Broadcast from a to everybody at 10:21:05.",
    );
    expect(inWords(mark({ kind: "tool", to: "a", at, failed: true, person: true }))).toBe(
      "Tool call in a at 10:21:05. Failed. With a person.",
    );
  });
});
