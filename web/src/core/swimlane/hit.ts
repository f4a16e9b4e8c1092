import { timeOf, type View } from "./layout";
import { anchorOf, GLYPH_PX, type Place, REACH_PX, reachOf } from "./paint";
import type { Hit, Mark } from "./types";

/** How near the pointer has to be, in CSS pixels. */
export const HIT_PX = 12;
/** A line counts as this much farther away than a shape. */
const LINE_PENALTY = 4;

/** Index of the first mark, in a list sorted by arrival, that arrived at `time` or later. */
export function firstAt(marks: readonly Mark[], time: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((marks[middle]?.at ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The mark nearest to a point, by its shape or its line; null if none is near. `marks` are sorted by arrival. */
export function nearest(
  marks: readonly Mark[],
  view: View,
  place: (mark: Mark) => Place,
  px: number,
  py: number,
): Hit | null {
  let best: Hit | null = null;
  let least = HIT_PX;
  const until = timeOf(view, px + HIT_PX + REACH_PX.handoff);
  for (let i = firstAt(marks, timeOf(view, px - HIT_PX - GLYPH_PX)); i < marks.length; i++) {
    const mark = marks[i];
    if (mark === undefined || mark.at > until) break;
    const where = place(mark);
    const anchor = anchorOf(mark, where);
    if (anchor === undefined) continue;
    const away = Math.min(
      Math.hypot(where.x - px, anchor - py),
      LINE_PENALTY + toLine(mark, where, px, py),
    );
    if (away < least) {
      least = away;
      best = { mark, x: where.x, y: anchor };
    }
  }
  return best;
}

/** Distance to the curve between the lanes of a mark. */
function toLine(mark: Mark, place: Place, px: number, py: number): number {
  const { from, to, x } = place;
  if (from === undefined || to === undefined || from === to) return Number.POSITIVE_INFINITY;
  const part = (py - from) / (to - from);
  if (part < 0 || part > 1) return Number.POSITIVE_INFINITY;
  const reach = reachOf(mark.kind);
  return Math.abs(x - reach + curveX(part) * reach - px);
}

/** Where along its reach the curve is, given how far it is from lane to lane (the inverse of its ease). */
function curveX(part: number): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 12; i++) {
    const u = (low + high) / 2;
    if (3 * u * u - 2 * u * u * u < part) low = u;
    else high = u;
  }
  const u = (low + high) / 2;
  return 1.5 * u * (1 - u) * (1 - u) + 1.5 * u * u * (1 - u) + u * u * u;
}
