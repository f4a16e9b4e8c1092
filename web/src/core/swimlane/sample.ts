import type { Mark } from "./types";

let made = 0;

/** A mark for tests: a request from "a" to "b", but for what is given. */
export function mark(given: Partial<Mark> = {}): Mark {
  const at = given.at ?? 1_000;
  return {
    id: String(made++),
    kind: "request",
    from: "a",
    to: "b",
    at,
    began: at,
    trace: "t",
    failed: false,
    person: false,
    slow: false,
    ...given,
  };
}
