/** What is written on the time axis of a task. */
import { clock } from "@/core/text";
import type { Scale, Stretch } from "./spans";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface AxisMark {
  readonly at: number;
  /** Where it is, from 0 to 1. */
  readonly part: number;
  readonly label: string;
}

/** Times to write on the axis: even ones, or where waits begin and end if these are squeezed. */
export function marksOf(
  scale: Scale,
  stretches: readonly Stretch[],
  now: number,
  most: number,
): readonly AxisMark[] {
  const even = Array.from(
    { length: 6 },
    (_, index) => scale.from + ((scale.to - scale.from) * index) / 5,
  );
  const bounds = [scale.from, ...stretches.map((one) => one.to ?? now)];
  const marks: AxisMark[] = [];
  for (const at of scale.isSqueezed ? bounds : even) {
    const part = scale.place(at);
    const label = at === scale.from ? clock(at) : `+${offset(at - scale.from)}`;
    const last = marks.at(-1);
    if (last && (part - last.part < 1 / most || label === last.label)) continue;
    marks.push({ at, part, label });
  }
  return marks;
}

/** A time after the beginning: `340 ms`, `2.4 s`, `1:10`, `2:05:09`, `3 d 02:05`. */
export function offset(ms: number): string {
  if (ms < SECOND - 0.5) return `${Math.max(1, Math.round(ms))} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${tenths / 10} s`;
  const seconds = Math.round(ms / SECOND) * SECOND;
  const minutes = Math.floor((seconds % HOUR) / MINUTE);
  const rest = two((seconds % MINUTE) / SECOND);
  const hours = Math.floor((seconds % DAY) / HOUR);
  if (seconds < HOUR) return `${minutes}:${rest}`;
  if (seconds < DAY) return `${hours}:${two(minutes)}:${rest}`;
  return `${Math.floor(seconds / DAY)} d ${two(hours)}:${two(minutes)}`;
}

const two = (value: number): string => String(value).padStart(2, "0");
