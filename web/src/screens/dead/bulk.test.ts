import { expect, test } from "vitest";
import type { DeadLetter } from "@/core/protocol";
import { forEach, type Progress } from "./bulk";

test("all are done, a few at a time, and failures are kept", async () => {
  const letters = Array.from({ length: 10 }, (_, ix) => ({ id: `${ix}` })) as DeadLetter[];
  const seen: Progress[] = [];
  let running = 0;
  let most = 0;
  const end = await forEach(
    letters,
    async ({ id }) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      if (Number(id) % 4 === 0) throw new Error(`not ${id}`);
    },
    (progress) => seen.push(progress),
  );
  expect(end.done).toBe(10);
  expect(end.failures.map(({ problem }) => problem.message).sort()).toEqual([
    "not 0",
    "not 4",
    "not 8",
  ]);
  expect(most).toBe(4);
  expect(seen.map(({ done }) => done)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
