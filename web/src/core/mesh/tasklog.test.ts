import { expect, test, vi } from "vitest";
import { api } from "../api";
import type { DeltaEvent, LogEvent } from "../protocol";
import { TaskLogStore } from "./tasklog";

const event = (seq: number, kind: string, data: LogEvent["data"] = {}): LogEvent => ({
  k: "task",
  task_id: "t",
  agent: "a",
  context_id: "c",
  kind,
  at: "",
  seq,
  data,
});
const piece = (text: string, offset: number, attempt = 1): DeltaEvent => ({
  k: "delta",
  task_id: "t",
  agent: "a",
  text,
  key: "said#0",
  offset,
  attempt,
});

test("events are in the order of the log, each once", () => {
  const log = new TaskLogStore("t");
  for (const seq of [3, 1, 2, 3, 1]) log.hear(event(seq, `k${seq}`));
  expect(log.slice.value.events.map((one) => one.sequence)).toEqual([1, 2, 3]);
});

test("a text that is half written when one comes is shown from there on", () => {
  const log = new TaskLogStore("t");
  log.write(piece("a time", 10));
  log.write(piece(" there was", 16));
  log.write(piece("Once", 0));
  const [only] = log.slice.value.writing;
  expect(only?.text).toBe("a time there was");
  expect(only?.from).toBe(10);
});

test("a text grows by its pieces, whichever of them come twice, until it is said", () => {
  const log = new TaskLogStore("t");
  log.write(piece("Once ", 0));
  log.write(piece("upon", 5));
  log.write(piece("upon", 5));
  log.write(piece("lost the middle", 40));
  expect(log.slice.value.writing.map((one) => one.text)).toEqual(["Once upon"]);
  log.hear(event(1, "said", { key: "said#0", text: "Once upon a time" }));
  expect(log.slice.value.writing).toEqual([]);
});

test("a newer attempt writes a text anew, an older one is not heard any more", () => {
  const log = new TaskLogStore("t");
  log.write(piece("first", 0));
  log.write(piece("second", 0, 2));
  log.write(piece(" first", 5, 1));
  expect(log.slice.value.writing.map((one) => one.text)).toEqual(["second"]);
});

test("of a text that was begun before, what comes from now on is there", () => {
  const log = new TaskLogStore("t");
  log.hear(event(3, "progress", {}));
  log.write(piece("upon ", 5));
  log.write(piece("a time", 10));
  log.write(piece("Once ", 0));
  expect(log.slice.value.writing).toMatchObject([{ text: "upon a time", from: 5, after: 3 }]);
});

test("what was left out before a frame is read, although later events were heard", async () => {
  const stored = [1, 2, 3, 4, 5].map((sequence) => ({ sequence, kind: "k", at: "", data: {} }));
  let kept = 2;
  const read = vi.spyOn(api, "log").mockImplementation(async (_, { after = 0 }) => ({
    events: stored.slice(0, kept).filter((one) => one.sequence > after),
    next: null,
  }));
  const log = new TaskLogStore("t");
  await log.read();
  kept = 5;
  log.hear(event(5, "k")); // 3 and 4 were not told
  await log.read();
  expect(log.slice.value.events.map((one) => one.sequence)).toEqual([1, 2, 3, 4, 5]);
  expect(read.mock.lastCall?.[1].after).toBe(2);
  read.mockRestore();
});

test("what an attempt was writing when its process died is not shown once another one begins", () => {
  const log = new TaskLogStore("t");
  log.write(piece("Once", 0));
  log.hear(event(7, "claimed", { attempt: 1 }));
  expect(log.slice.value.writing).toHaveLength(1);
  log.hear(event(8, "claimed", { attempt: 2 }));
  expect(log.slice.value.writing).toHaveLength(0);
});
