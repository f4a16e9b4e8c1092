import { LEVELS } from "./bins";
import { MAX_WINDOW_MS, MIN_WINDOW_MS } from "./types";

/** Height of the strip with times at the bottom, in CSS pixels; lanes share what is above it. */
export const AXIS_PX = 22;
/** Room right of the now line, for the rings of heartbeats, in CSS pixels. */
export const MARGIN_PX = 20;
/** A column of volume bars is at least this wide, in CSS pixels. */
const COLUMN_PX = 4;

/** Where time and lanes are on the canvas. Lengths are CSS pixels, times are milliseconds. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly dpr: number;
  readonly windowMs: number;
  readonly lanes: number;
  /** Time at the now line. */
  readonly right: number;
}

/** Pixels a millisecond. */
export function scaleOf(view: View): number {
  return Math.max(1, view.width - MARGIN_PX) / view.windowMs;
}

export function leftOf(view: View): number {
  return view.right - view.windowMs;
}

export function xOf(view: View, time: number): number {
  return (time - leftOf(view)) * scaleOf(view);
}

export function timeOf(view: View, x: number): number {
  return leftOf(view) + x / scaleOf(view);
}

export function laneHeight(view: View): number {
  return Math.max(1, view.height - AXIS_PX) / Math.max(1, view.lanes);
}

/** The middle of a lane. */
export function yOf(view: View, lane: number): number {
  return (lane + 0.5) * laneHeight(view);
}

/** The lane at a height; clamped to the lanes there are. */
export function laneOf(view: View, y: number): number {
  const lane = Math.floor(y / laneHeight(view));
  return Math.max(0, Math.min(view.lanes - 1, lane));
}

export function clampWindow(ms: number): number {
  return Math.max(MIN_WINDOW_MS, Math.min(MAX_WINDOW_MS, Math.round(ms)));
}

const STOPS = [5, 12, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600].map((s) => s * 1000);

/** The next window of the zoom scale: `by` -1 is closer, 1 is wider. */
export function zoomed(windowMs: number, by: -1 | 1): number {
  if (by > 0) return STOPS.find((stop) => stop > windowMs) ?? MAX_WINDOW_MS;
  return STOPS.findLast((stop) => stop < windowMs) ?? MIN_WINDOW_MS;
}

/** How volume bars are cut: `ms` wide, summed from bins of `LEVELS[level]`. */
export interface Column {
  readonly ms: number;
  readonly level: number;
}

/** The narrowest column that is wide enough to see. */
export function columnOf(pxPerMs: number): Column {
  for (const [level, { ms }] of LEVELS.entries()) {
    for (const times of [1, 2, 5]) {
      if (ms * times * pxPerMs >= COLUMN_PX) return { ms: ms * times, level };
    }
  }
  const level = LEVELS.length - 1;
  const ms = LEVELS[level]?.ms ?? 1;
  return { ms: ms * Math.ceil(COLUMN_PX / (ms * pxPerMs)), level };
}

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
const TICK_PX = 84;

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** Times to mark, at round steps of local time, far enough apart for their labels. */
export function ticks(view: View): Tick[] {
  const steps = SECONDS.map((s) => s * 1000);
  const step = steps.find((ms) => ms * scaleOf(view) >= TICK_PX) ?? MAX_WINDOW_MS;
  const shift = new Date(view.right).getTimezoneOffset() * 60_000;
  const found: Tick[] = [];
  let at = Math.ceil((leftOf(view) - shift) / step) * step + shift;
  for (; at <= view.right; at += step) found.push({ at, label: clock(at, step < 60_000) });
  return found;
}

/** Local time of day, like 09:05:12 or 09:05. */
export function clock(at: number, seconds = true): string {
  const time = new Date(at);
  const parts = [time.getHours(), time.getMinutes()];
  if (seconds) parts.push(time.getSeconds());
  return parts.map((n) => String(n).padStart(2, "0")).join(":");
}

/** A length of time for people, like 340 ms, 2.4 s, 1 min 20 s or 2 h 5 min. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${Math.floor(minutes / 60)} h`;
}
