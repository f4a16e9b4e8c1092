import { firstAt } from "./hit";
import type { Mark } from "./types";

/** What a key asks for. */
export type Action =
  | { readonly do: "step"; readonly by: -1 | 1 }
  | { readonly do: "lane"; readonly by: -1 | 1 }
  | { readonly do: "edge"; readonly end: "first" | "last" }
  | { readonly do: "zoom"; readonly by: -1 | 1 }
  | { readonly do: "select" }
  | { readonly do: "pause" }
  | { readonly do: "clear" };

const ACTIONS: Readonly<Record<string, Action>> = {
  ArrowLeft: { do: "step", by: -1 },
  ArrowRight: { do: "step", by: 1 },
  ArrowUp: { do: "lane", by: -1 },
  ArrowDown: { do: "lane", by: 1 },
  Home: { do: "edge", end: "first" },
  End: { do: "edge", end: "last" },
  "+": { do: "zoom", by: -1 },
  "=": { do: "zoom", by: -1 },
  "-": { do: "zoom", by: 1 },
  Enter: { do: "select" },
  " ": { do: "pause" },
  Escape: { do: "clear" },
};

/** The action of a key (`KeyboardEvent.key`); null if the swimlane leaves it alone. */
export function actionOf(key: string): Action | null {
  return Object.hasOwn(ACTIONS, key) ? (ACTIONS[key] ?? null) : null;
}

/** A mark, and the lane in which it was reached. */
export interface Focus {
  readonly mark: Mark;
  readonly lane: string;
}

/** Move from mark to mark within the lane, or to its first or last; `marks` are sorted by arrival. */
export function step(marks: readonly Mark[], focus: Focus | null, by: -1 | 1): Focus | null {
  if (focus === null) return newest(marks);
  const { lane, mark } = focus;
  const inLane = marks.filter((m) => touches(m, lane));
  const place = inLane.findIndex((m) => m.id === mark.id);
  const next = place < 0 ? nearestIn(inLane, mark.at) : inLane[place + by];
  return next === undefined ? null : { mark: next, lane };
}

/** The first or last mark of the lane (of all lanes if there is no focus). */
export function edge(
  marks: readonly Mark[],
  focus: Focus | null,
  end: "first" | "last",
): Focus | null {
  const lane = focus?.lane;
  const inLane = lane === undefined ? marks : marks.filter((m) => touches(m, lane));
  const mark = inLane[end === "first" ? 0 : inLane.length - 1];
  return mark === undefined ? null : { mark, lane: lane ?? mark.from };
}

/** Move to the mark nearest in time of the next lane up or down that has any. */
export function changeLane(
  marks: readonly Mark[],
  lanes: readonly string[],
  focus: Focus | null,
  by: -1 | 1,
): Focus | null {
  if (focus === null) return newest(marks);
  for (let i = lanes.indexOf(focus.lane) + by; i >= 0 && i < lanes.length; i += by) {
    const lane = lanes[i] ?? "";
    const mark = nearestIn(
      marks.filter((m) => touches(m, lane)),
      focus.mark.at,
    );
    if (mark !== undefined) return { mark, lane };
  }
  return null;
}

function newest(marks: readonly Mark[]): Focus | null {
  const mark = marks[marks.length - 1];
  return mark === undefined ? null : { mark, lane: mark.from };
}

function touches(mark: Mark, lane: string): boolean {
  return mark.from === lane || mark.to === lane;
}

function nearestIn(marks: readonly Mark[], at: number): Mark | undefined {
  const after = firstAt(marks, at);
  const a = marks[after - 1];
  const b = marks[after];
  if (a === undefined || b === undefined) return a ?? b;
  return at - a.at < b.at - at ? a : b;
}
