import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { discardsOf, UNDO_MS } from "./discards";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("is sent once the time to undo it is over, and hidden from the start", async () => {
  const send = vi.fn(async () => {});
  const discards = discardsOf(send, () => {});
  discards.discard(["a", "b"]);
  expect([...discards.hidden.value]).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(UNDO_MS - 1);
  expect(send).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(send.mock.calls).toEqual([["a"], ["b"]]);
  expect([...discards.hidden.value]).toEqual(["a", "b"]);
});

test("is undone before that, and not after", async () => {
  const send = vi.fn(async () => {});
  const discards = discardsOf(send, () => {});
  const undo = discards.discard(["a"]);
  undo();
  expect(discards.hidden.value.size).toBe(0);
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect(send).not.toHaveBeenCalled();
  const late = discards.discard(["b"]);
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  late();
  expect([...discards.hidden.value]).toEqual(["b"]);
});

test("goes at once when the page is left", () => {
  const send = vi.fn(async () => {});
  const discards = discardsOf(send, () => {});
  discards.discard(["a"]);
  discards.flush();
  discards.flush();
  expect(send.mock.calls).toEqual([["a"]]);
});

test("is shown again if it fails", async () => {
  const failed: string[] = [];
  const discards = discardsOf(
    (id) => (id === "a" ? Promise.reject(new Error("no")) : Promise.resolve()),
    (id) => failed.push(id),
  );
  discards.discard(["a", "b"]);
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect(failed).toEqual(["a"]);
  expect([...discards.hidden.value]).toEqual(["b"]);
});
