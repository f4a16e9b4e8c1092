import { type Bins, KIND_COUNT } from "./bins";
import { type Column, laneHeight, type View, yOf } from "./layout";
import type { Palette } from "./palette";
import { KINDS, type Lane } from "./types";

/** Part of a lane's height that the busiest column fills. */
const FILL = 0.74;
/** Columns narrower than this have no gap between them. */
const GAPLESS_PX = 7;

/** Marks a second by kind of one lane in one column, smoothed with its neighbours. */
function rates(
  bins: Bins,
  column: Column,
  lane: string,
  index: number,
  into: Float64Array,
): number {
  into.fill(0);
  const { ms, level } = column;
  const start = index * ms;
  bins.lane(level, lane, start - ms, start + 2 * ms, into);
  bins.lane(level, lane, start, start + ms, into);
  let total = 0;
  for (let k = 0; k < KIND_COUNT; k++) {
    into[k] = ((into[k] ?? 0) * 250) / ms;
    total += into[k] ?? 0;
  }
  return total;
}

/** The highest rate of any lane and column in [from, to), for the scale of the bars. */
export function peakRate(
  bins: Bins,
  column: Column,
  lanes: readonly Lane[],
  from: number,
  to: number,
): number {
  const row = new Float64Array(KIND_COUNT);
  let peak = 0;
  for (let index = Math.floor(from / column.ms); index * column.ms < to; index++) {
    for (const lane of lanes) peak = Math.max(peak, rates(bins, column, lane.id, index, row));
  }
  return peak;
}

/** The scale for a peak: a power of two, so that it seldom changes; it shrinks only when much too large. */
export function barScale(current: number, peak: number): number {
  const fit = 2 ** Math.ceil(Math.log2(Math.max(peak, 1e-3)));
  return fit > current || fit < current / 2 ? fit : current;
}

export interface BarJob {
  readonly bins: Bins;
  readonly column: Column;
  readonly lanes: readonly Lane[];
  readonly view: View;
  /** The rate that fills a lane. */
  readonly scale: number;
  readonly x: (time: number) => number;
  readonly wanted: (index: number) => boolean;
}

/** Paint the columns from `first` up to `last` (without it): a stack of kinds about the middle of each lane. */
export function paintBars(
  g: CanvasRenderingContext2D,
  palette: Palette,
  job: BarJob,
  first: number,
  last: number,
): void {
  const { column, lanes, view, scale } = job;
  const row = new Float64Array(KIND_COUNT);
  const shapes: (Path2D | undefined)[] = [];
  const snap = (px: number) => Math.round(px * view.dpr) / view.dpr;
  for (let index = first; index < last; index++) {
    if (!job.wanted(index)) continue;
    const x = snap(job.x(index * column.ms));
    const next = snap(job.x((index + 1) * column.ms));
    const width = next - x - (next - x < GAPLESS_PX ? 0 : 1 / view.dpr);
    for (const [lane, { id }] of lanes.entries()) {
      const total = rates(job.bins, column, id, index, row);
      if (total === 0) continue;
      const part = Math.sqrt(Math.min(1, total / scale));
      const height = Math.max(1.5, laneHeight(view) * FILL * part);
      let y = yOf(view, lane) - height / 2;
      for (let k = 0; k < KIND_COUNT; k++) {
        const share = (height * (row[k] ?? 0)) / total;
        if (share === 0) continue;
        let shape = shapes[k];
        if (shape === undefined) {
          shape = new Path2D();
          shapes[k] = shape;
        }
        shape.rect(x, y, width, share);
        y += share;
      }
    }
  }
  g.globalAlpha = 0.55;
  for (const [k, kind] of KINDS.entries()) {
    const shape = shapes[k];
    if (shape === undefined) continue;
    g.fillStyle = palette.kinds[kind].solid;
    g.fill(shape);
  }
  g.globalAlpha = 1;
}
