import { expect, test, vi } from "vitest";
import { Slice } from "./slice";

test("views are told at once, and not of what is the same", () => {
  const slice = new Slice(1);
  const told = vi.fn();
  slice.subscribe(told);
  slice.set(1);
  expect(told).not.toHaveBeenCalled();
  slice.set(2);
  expect(told).toHaveBeenCalledOnce();
  expect(slice.shown()).toBe(2);
});

test("with a pause, views are told at once, and then of the last value only", () => {
  vi.useFakeTimers();
  const slice = new Slice(0, 100);
  const told = vi.fn();
  const forget = slice.subscribe(told);
  for (const value of [1, 2, 3]) slice.set(value);
  expect([slice.value, slice.shown()]).toEqual([3, 1]);
  vi.advanceTimersByTime(100);
  expect(told).toHaveBeenCalledTimes(2);
  expect(slice.shown()).toBe(3);
  forget();
  slice.set(4);
  vi.advanceTimersByTime(100);
  expect(told).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});
