import { expect, test } from "vitest";
import { keep, kept } from "./storage";

function storage(room = 1_000): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => {
      if (value.length > room) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
    },
  } as unknown as Storage;
}

test("what is kept for one person is nobody else's", () => {
  const box = storage();
  expect(keep("drafts", "ada", { a: 1 }, () => box)).toBe(true);
  expect(kept("drafts", "ada", {}, () => box)).toEqual({ a: 1 });
  expect(kept("drafts", "grace", {}, () => box)).toEqual({});
});

test("what there is no room for is not kept, and what cannot be read is not there", () => {
  const box = storage(10);
  expect(keep("drafts", "ada", "x".repeat(20), () => box)).toBe(false);
  box.setItem("hubbub.drafts:ada", "{");
  expect(kept("drafts", "ada", "usual", () => box)).toBe("usual");
});
