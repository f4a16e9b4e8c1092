import type { Bins } from "./bins";
import type { Column } from "./layout";
import type { Mark } from "./types";

/** Marks a second beyond which lanes become volume bars, at the closest zoom. */
export const DENSE_PER_SECOND = 150;
/** And marks a pixel, whatever the zoom. */
const DENSE_PER_PIXEL = 1.5;
/** Bars turn back into marks only below this part of the limit. */
const RELEASE = 0.7;
const SEGMENT_MS = 1_000;
/** How far back an undecided segment looks for one that is decided. */
const LOOK_BACK = 30;

/** Marks a second beyond which a view of this scale is dense. */
export function denseLimit(pxPerMs: number): number {
  return Math.min(DENSE_PER_SECOND, DENSE_PER_PIXEL * pxPerMs * 1000);
}

/** Time is judged dense or not by segments of this length. */
export function segmentOf(column: Column): number {
  return Math.max(SEGMENT_MS, column.ms);
}

/**
 * Whether a segment is dense, from the rates (marks a second) of itself and those before it.
 *
 * A segment above the limit is dense, one below 70 % of it is not, one between goes on as the one
 * before. While a segment is `open` (still filling) it can only turn dense.
 */
export function denseAt(
  rate: (segment: number) => number,
  segment: number,
  limit: number,
  open: boolean,
): boolean {
  if (rate(segment) > limit) return true;
  if (!open && rate(segment) < limit * RELEASE) return false;
  for (let i = segment - 1; i >= segment - LOOK_BACK; i--) {
    const before = rate(i);
    if (before > limit) return true;
    if (before < limit * RELEASE) return false;
  }
  return false;
}

/** Remembers which segments are dense, for one scale. */
export class Density {
  readonly segmentMs: number;
  private readonly limit: number;
  private readonly closed = new Map<number, boolean>();

  constructor(
    private readonly bins: Bins,
    private readonly column: Column,
    pxPerMs: number,
  ) {
    this.segmentMs = segmentOf(column);
    this.limit = denseLimit(pxPerMs);
  }

  segment(time: number): number {
    return Math.floor(time / this.segmentMs);
  }

  /** Whether the segment is dense, as far as is known at `now`. */
  dense(segment: number, now: number): boolean {
    const known = this.closed.get(segment);
    if (known !== undefined) return known;
    const open = (segment + 1) * this.segmentMs > now;
    const dense = denseAt((i) => this.rate(i), segment, this.limit, open);
    if ((segment + 1) * this.segmentMs + SEGMENT_MS < now) this.closed.set(segment, dense);
    if (this.closed.size > 4_000) this.closed.clear();
    return dense;
  }

  /** A late mark makes a segment undecided again. */
  forget(segment: number): void {
    this.closed.delete(segment);
  }

  private rate(segment: number): number {
    const from = segment * this.segmentMs;
    const total = this.bins.total(this.column.level, from, from + this.segmentMs);
    return (total * 1000) / this.segmentMs;
  }
}

/** Marks that somebody may have to act on. */
export function isUrgent(mark: Mark): boolean {
  return (
    mark.failed ||
    mark.slow ||
    mark.person ||
    mark.kind === "error" ||
    mark.kind === "question" ||
    mark.kind === "answer"
  );
}

/** Least distance between shapes of one class, in pixels. */
const GAP_PX = { question: 14, error: 20, person: 24, slow: 36, handoff: 34 } as const;
type Class = keyof typeof GAP_PX;
/** These give way to any other shape of their lane that is nearer than this. */
const YIELDING: readonly Class[] = ["person", "slow"];
const YIELD_PX = 16;

/** Thins out notable marks in dense parts, where they would cover each other; the bars still count them. */
export class Sampler {
  private readonly last = new Map<string, number>();

  constructor(private readonly pxPerMs: number) {}

  /** Whether to draw this notable mark; handoffs keep a distance over all lanes, others within their lane. */
  admit(mark: Mark): boolean {
    const kind = classOf(mark);
    const key = kind === "handoff" ? kind : `${kind} ${mark.from}`;
    const lane = `any ${mark.from}`;
    if (this.isNear(key, mark.at, GAP_PX[kind])) return false;
    if (YIELDING.includes(kind) && this.isNear(lane, mark.at, YIELD_PX)) return false;
    this.last.set(key, mark.at);
    if (kind !== "handoff") this.last.set(lane, mark.at);
    return true;
  }

  private isNear(key: string, at: number, gap: number): boolean {
    const last = this.last.get(key);
    return last !== undefined && Math.abs(at - last) * this.pxPerMs < gap;
  }
}

function classOf(mark: Mark): Class {
  if (mark.failed || mark.kind === "error") return "error";
  if (mark.kind === "question" || mark.kind === "answer") return "question";
  if (mark.person) return "person";
  return mark.kind === "handoff" ? "handoff" : "slow";
}
