import { describe, expect, it } from "vitest";
import { Board } from "./board";
import { mark } from "./sample";

const ids = (marks: Iterable<{ id: string }>) => [...marks].map((m) => m.id);

describe("Board", () => {
  it("holds failures, slow replies, people and questions for notable", () => {
    const notable = [
      mark({ kind: "error" }),
      mark({ failed: true }),
      mark({ kind: "reply", slow: true }),
      mark({ person: true }),
      mark({ kind: "question" }),
      mark({ kind: "answer" }),
    ];
    const others = [mark(), mark({ kind: "reply" }), mark({ kind: "tool" })];
    expect([...new Board().add([...notable, ...others])]).toEqual(notable);
  });

  it("holds a sample of the handoffs for notable", () => {
    const board = new Board();
    const handoffs = Array.from({ length: 100 }, (_, i) =>
      mark({ kind: "handoff", at: 1_000 + i * 20 }),
    );
    const found = [...board.add(handoffs)].map((m) => m.at);
    expect(found).toEqual([1_000, 1_260, 1_520, 1_780, 2_040, 2_300, 2_560, 2_820]);
  });

  it("remembers notable marks when ordinary ones have pushed them out", () => {
    const board = new Board();
    board.add([mark({ id: "failed", kind: "error", at: 1 })]);
    board.add(Array.from({ length: 60_001 }, (_, i) => mark({ at: 10 + i, trace: "busy" })));
    expect(board.marks.size).toBe(60_000);
    expect(ids(board.ofTrace("t"))).toEqual(["failed"]);
    expect(board.seen).toBe(60_002);
  });

  it("gives each mark of a trace once, oldest first", () => {
    const board = new Board();
    board.add([mark({ id: "b", at: 2, slow: true }), mark({ id: "a", at: 1 })]);
    expect(ids(board.ofTrace("t"))).toEqual(["a", "b"]);
  });

  it("knows lanes by id, with their names", () => {
    const board = new Board();
    board.setLanes([{ id: "a", label: "Triage" }]);
    expect(board.laneOf("a")).toBe(0);
    expect(board.laneOf("b")).toBeUndefined();
    expect([board.labelOf("a"), board.labelOf("b")]).toEqual(["Triage", "b"]);
    expect(board.isShown(mark())).toBe(true);
    expect(board.isShown(mark({ from: "x", to: "y" }))).toBe(false);
  });
});
