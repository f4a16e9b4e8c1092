/** The same done to many, some at a time, with what fails told one by one. */
import { asProblem, type Problem } from "@/core/problem";
import type { DeadLetter } from "@/core/protocol";

const AT_ONCE = 4;

export interface Progress {
  readonly total: number;
  readonly done: number;
  readonly failures: readonly { readonly letter: DeadLetter; readonly problem: Problem }[];
}

export async function forEach(
  letters: readonly DeadLetter[],
  act: (letter: DeadLetter) => Promise<unknown>,
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  let progress: Progress = { total: letters.length, done: 0, failures: [] };
  const left = [...letters];
  const work = async () => {
    for (let letter = left.shift(); letter; letter = left.shift()) {
      const problem = await act(letter).then(() => null, asProblem);
      progress = {
        ...progress,
        done: progress.done + 1,
        failures: problem ? [...progress.failures, { letter, problem }] : progress.failures,
      };
      onProgress(progress);
    }
  };
  onProgress(progress);
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return progress;
}
