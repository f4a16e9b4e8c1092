import { type View, xOf, yOf } from "./layout";
import { isFailure, lookOf, reachOf, trace } from "./paint";
import type { Palette } from "./palette";
import type { Kind, Mark } from "./types";

const LIFE_MS = 900;
/** Part of its life in which a spark travels; then it lands. */
const TRAVEL = 0.6;
const MOST = 20;
const PULSE_MS = 1_100;
/** After this long without a heartbeat a lane's dot has lost its strength. */
const QUIET_MS = 30_000;

interface Spark {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly kind: Kind;
  readonly born: number;
}

/**
 * How a new mark is highlighted: an arc to the receiver's lane, a ring that stays in the sender's, or
 * not at all. Questions and what failed in a dense part stay; unless traffic is lively only handoffs,
 * questions and failures are highlighted.
 */
export function wayOf(
  mark: Mark,
  mood: { readonly lively: boolean; readonly dense: boolean },
): "arc" | "stay" | null {
  if (mark.kind === "question") return "stay";
  if (mark.to === "" || mark.to === mark.from) return null;
  if (isFailure(mark)) return mood.dense ? "stay" : "arc";
  return mood.lively || mark.kind === "handoff" ? "arc" : null;
}

/** Short-lived highlights: an arc shooting from lane to lane, and rings of heartbeats on the now line. */
export class Sparks {
  private sparks: Spark[] = [];
  private readonly beats = new Map<number, number>();

  /** Highlight a mark, unless there are many highlights already. */
  add(mark: Mark, from: number, to: number, now: number): void {
    if (this.sparks.length >= MOST) return;
    this.sparks.push({ at: mark.at, from, to, kind: lookOf(mark), born: now });
  }

  beat(lane: number, now: number): void {
    this.beats.set(lane, now);
  }

  /** End the arcs that are on their way. */
  clear(): void {
    this.sparks = [];
  }

  /** Forget everything: the lanes have changed. */
  reset(): void {
    this.clear();
    this.beats.clear();
  }

  /** Whether an arc is on its way. */
  hasArcs(now: number): boolean {
    return this.sparks.some((spark) => now - spark.born < LIFE_MS);
  }

  /** Whether a heartbeat's ring is still widening. */
  hasBeats(now: number): boolean {
    for (const at of this.beats.values()) if (now - at < PULSE_MS) return true;
    return false;
  }

  /** Draw all highlights; `still` draws only the dots of heartbeats. */
  draw(
    g: CanvasRenderingContext2D,
    palette: Palette,
    view: View,
    now: number,
    nowX: number,
    still: boolean,
  ): void {
    this.drawBeats(g, palette, view, now, nowX, still);
    this.sparks = this.sparks.filter((spark) => now - spark.born < LIFE_MS);
    if (still) return;
    g.globalCompositeOperation = palette.glow ? "lighter" : "source-over";
    for (const spark of this.sparks) drawSpark(g, palette, view, spark, now);
    g.globalCompositeOperation = "source-over";
    g.globalAlpha = 1;
  }

  private drawBeats(
    g: CanvasRenderingContext2D,
    palette: Palette,
    view: View,
    now: number,
    x: number,
    still: boolean,
  ): void {
    g.fillStyle = g.strokeStyle = palette.beat;
    g.lineWidth = 1.5;
    for (const [lane, at] of this.beats) {
      const age = now - at;
      g.globalAlpha = Math.max(0.25, 1 - age / QUIET_MS);
      circle(g, x, yOf(view, lane), 3);
      g.fill();
      const part = age / PULSE_MS;
      if (still || part > 1) continue;
      g.globalAlpha = (1 - part) * 0.8;
      circle(g, x, yOf(view, lane), 3 + 11 * (1 - (1 - part) ** 2));
      g.stroke();
    }
    g.globalAlpha = 1;
  }
}

function circle(g: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  g.beginPath();
  g.arc(x, y, radius, 0, Math.PI * 2);
}

/** A comet along the arc of the mark, then a ring where it lands; only the ring if it stays in its lane. */
function drawSpark(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  spark: Spark,
  now: number,
): void {
  const life = (now - spark.born) / LIFE_MS;
  const x = xOf(view, spark.at);
  const from = yOf(view, spark.from);
  const to = yOf(view, spark.to);
  const reach = reachOf(spark.kind);
  const travel = from === to ? 1 : Math.min(1, life / TRAVEL);
  const head = 1 - (1 - travel) ** 3;
  const length = Math.hypot(to - from, reach) * 1.04;
  const tail = Math.min(64, length * 0.5);
  g.strokeStyle = palette.kinds[spark.kind].solid;
  g.lineCap = "round";
  if (from !== to) {
    const fade = life < TRAVEL ? 1 : 1 - (life - TRAVEL) / (1 - TRAVEL);
    for (const [width, alpha, part] of [
      [7, 0.1, 0.6],
      [4.5, 0.22, 0.8],
      [2.25, 0.8, 1],
    ] as const) {
      const begin = Math.max(0, head * length - tail * part);
      g.globalAlpha = alpha * fade;
      g.lineWidth = width;
      g.setLineDash([Math.max(0.1, head * length - begin), length * 4]);
      g.lineDashOffset = -begin;
      g.beginPath();
      trace(g, x, from, to, reach);
      g.stroke();
    }
    g.setLineDash([]);
    g.lineDashOffset = 0;
  }
  if (travel < 1) return;
  const land = from === to ? life : (life - TRAVEL) / (1 - TRAVEL);
  g.globalAlpha = (1 - land) * 0.7;
  g.lineWidth = 2;
  circle(g, x, to, 5 + land * 13);
  g.stroke();
}
