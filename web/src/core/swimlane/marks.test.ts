import { describe, expect, it } from "vitest";
import { MarkBuffer } from "./marks";
import { mark } from "./sample";

const times = (buffer: MarkBuffer) =>
  [...buffer.between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)].map((m) => m.at);

describe("MarkBuffer", () => {
  it("keeps marks in order of arrival, also those that are late or unsorted", () => {
    const buffer = new MarkBuffer(100);
    buffer.add([10, 20, 30].map((at) => mark({ at })));
    buffer.add([25, 5, 40].map((at) => mark({ at })));
    buffer.add([15].map((at) => mark({ at })));
    expect(times(buffer)).toEqual([5, 10, 15, 20, 25, 30, 40]);
  });

  it("keeps marks of the same time in the order in which they came", () => {
    const buffer = new MarkBuffer(100);
    buffer.add([mark({ id: "first", at: 10 }), mark({ id: "later", at: 20 })]);
    buffer.add([mark({ id: "second", at: 10 })]);
    expect([...buffer.between(0, 11)].map((m) => m.id)).toEqual(["first", "second"]);
  });

  it("drops the oldest beyond its cap, however many come", () => {
    const buffer = new MarkBuffer(100);
    for (let i = 0; i < 1_000; i++) buffer.add([mark({ at: i })]);
    expect(buffer.size).toBe(100);
    expect(buffer.oldest).toBe(900);
    expect(times(buffer)[99]).toBe(999);
  });

  it("drops a batch that is older than all it may keep", () => {
    const buffer = new MarkBuffer(3);
    buffer.add([10, 11, 12].map((at) => mark({ at })));
    buffer.add([1, 2].map((at) => mark({ at })));
    expect(times(buffer)).toEqual([10, 11, 12]);
  });

  it("finds the first mark at or after a time", () => {
    const buffer = new MarkBuffer(10);
    buffer.add([10, 20, 20, 30].map((at) => mark({ at })));
    expect([5, 10, 15, 20, 21, 31].map((time) => buffer.indexOf(time))).toEqual([0, 0, 1, 1, 3, 4]);
    expect(buffer.at(buffer.indexOf(31))).toBeUndefined();
  });

  it("gives the marks of a span without its end, and those of a trace", () => {
    const buffer = new MarkBuffer(10);
    buffer.add([10, 20, 30].map((at) => mark({ at, trace: at === 20 ? "other" : "t" })));
    expect([...buffer.between(10, 30)].map((m) => m.at)).toEqual([10, 20]);
    expect(buffer.ofTrace("t").map((m) => m.at)).toEqual([10, 30]);
  });

  it("knows no oldest mark while it is empty", () => {
    expect(new MarkBuffer(1).oldest).toBe(Number.POSITIVE_INFINITY);
  });
});
