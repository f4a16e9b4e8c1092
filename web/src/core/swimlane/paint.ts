import { GLYPHS } from "./glyphs";
import type { Palette } from "./palette";
import { KINDS, type Kind, type Mark } from "./types";

/** Where a mark goes, in CSS pixels of whatever is painted on. */
export interface Place {
  readonly x: number;
  /** Where the work it ends began; `x` if it ends none. */
  readonly began: number;
  /** Middle of the sender's lane; undefined if it has none. */
  readonly from: number | undefined;
  /** Middle of the receiver's lane; undefined if it has none. */
  readonly to: number | undefined;
  readonly height: number;
}

/** How far left of its end a line leaves the sender's lane. */
export const REACH_PX = { handoff: 26, other: 11 } as const;
/** How far a shape reaches around its place. */
export const GLYPH_PX = 9;

let paths: Record<Kind, Path2D> | undefined;

function pathOf(kind: Kind): Path2D {
  paths ??= Object.fromEntries(KINDS.map((k) => [k, new Path2D(GLYPHS[k].path)])) as Record<
    Kind,
    Path2D
  >;
  return paths[kind];
}

export function reachOf(kind: Kind): number {
  return kind === "handoff" ? REACH_PX.handoff : REACH_PX.other;
}

/** The height at which a mark's shape sits: what failed and what happens within a lane stays with the sender. */
export function anchorOf(mark: Mark, place: Place): number | undefined {
  if (isFailure(mark) || mark.to === "" || mark.to === mark.from) return place.from ?? place.to;
  return place.to ?? place.from;
}

export function isFailure(mark: Mark): boolean {
  return mark.failed || mark.kind === "error";
}

/** Colour and shape: whatever failed is an error. */
export function lookOf(mark: Mark): Kind {
  return isFailure(mark) ? "error" : mark.kind;
}

/** Paint a mark. In a `dense` part only its shape and, for handoffs, its arc are painted. */
export function paintMark(
  g: CanvasRenderingContext2D,
  palette: Palette,
  mark: Mark,
  place: Place,
  dense: boolean,
): void {
  const anchor = anchorOf(mark, place);
  if (anchor === undefined) return;
  const kind = lookOf(mark);
  if (mark.to === "" && mark.kind === "broadcast") paintFullHeight(g, palette, place, dense);
  const { from, to } = place;
  const leaves = from !== undefined && to !== undefined && from !== to;
  if (!dense) paintWork(g, palette, kind, place, leaves ? reachOf(mark.kind) : 0);
  if (leaves) {
    if (mark.kind === "handoff") paintArc(g, palette, kind, place, dense);
    else if (!dense) paintLine(g, palette, kind, place);
  }
  paintGlyph(g, palette, kind, place.x, anchor, dense ? 0.82 : 1);
  if (mark.person) paintRing(g, palette.text, place.x, anchor, []);
  else if (mark.slow && !isFailure(mark)) {
    paintRing(g, palette.kinds[kind].solid, place.x, anchor, [2, 2]);
  }
}

/** The curve of a line from lane to lane: it leaves and arrives in the direction of time. */
export function trace(
  g: CanvasRenderingContext2D | Path2D,
  x: number,
  from: number,
  to: number,
  reach: number,
): void {
  const middle = x - reach / 2;
  g.moveTo(x - reach, from);
  g.bezierCurveTo(middle, from, middle, to, x, to);
}

export function paintGlyph(
  g: CanvasRenderingContext2D,
  palette: Palette,
  kind: Kind,
  x: number,
  y: number,
  scale: number,
): void {
  const glyph = GLYPHS[kind];
  const path = pathOf(kind);
  g.save();
  g.translate(x, y);
  g.scale(scale, scale);
  g.globalAlpha = 1;
  g.lineCap = "round";
  g.lineJoin = "round";
  g.strokeStyle = palette.background;
  g.lineWidth = glyph.filled ? 3 : 5;
  g.stroke(path);
  if (glyph.filled) {
    g.fillStyle = palette.kinds[kind].solid;
    g.fill(path);
  } else {
    g.strokeStyle = palette.kinds[kind].solid;
    g.lineWidth = 2;
    g.stroke(path);
  }
  g.restore();
}

function paintArc(
  g: CanvasRenderingContext2D,
  palette: Palette,
  kind: Kind,
  place: Place,
  dense: boolean,
): void {
  const { from = 0, to = 0, x } = place;
  g.beginPath();
  trace(g, x, from, to, REACH_PX.handoff);
  g.lineCap = "round";
  g.globalAlpha = 0.9;
  g.strokeStyle = palette.background;
  g.lineWidth = 5;
  g.stroke();
  g.globalAlpha = 1;
  g.strokeStyle = palette.kinds[kind].solid;
  g.lineWidth = dense ? 1.75 : 2.25;
  g.stroke();
}

/** A thin line that gains strength towards its end, so that its direction shows without an arrow. */
function paintLine(g: CanvasRenderingContext2D, palette: Palette, kind: Kind, place: Place): void {
  const { from = 0, to = 0, x } = place;
  const ink = palette.kinds[kind];
  const fill = g.createLinearGradient(0, from, 0, to);
  fill.addColorStop(0, ink.faint);
  fill.addColorStop(1, ink.solid);
  g.globalAlpha = 0.8;
  g.strokeStyle = fill;
  g.lineWidth = 1.25;
  g.beginPath();
  trace(g, x, from, to, REACH_PX.other);
  g.stroke();
}

/** The time spent on what this mark ends, as a bar along the sender's lane up to where its line leaves. */
function paintWork(
  g: CanvasRenderingContext2D,
  palette: Palette,
  kind: Kind,
  place: Place,
  reach: number,
): void {
  const { from, began } = place;
  const width = place.x - reach - began;
  if (from === undefined || width < 3) return;
  g.globalAlpha = 0.26;
  g.fillStyle = palette.kinds[kind].solid;
  g.beginPath();
  g.roundRect(began, from - 2, width, 4, 2);
  g.fill();
}

function paintFullHeight(
  g: CanvasRenderingContext2D,
  palette: Palette,
  place: Place,
  dense: boolean,
): void {
  g.globalAlpha = dense ? 0.4 : 0.6;
  g.strokeStyle = palette.kinds.broadcast.solid;
  g.lineWidth = 1;
  g.setLineDash([2, 4]);
  g.beginPath();
  g.moveTo(Math.round(place.x) + 0.5, 0);
  g.lineTo(Math.round(place.x) + 0.5, place.height);
  g.stroke();
  g.setLineDash([]);
}

function paintRing(
  g: CanvasRenderingContext2D,
  colour: string,
  x: number,
  y: number,
  dash: number[],
): void {
  g.globalAlpha = 0.9;
  g.strokeStyle = colour;
  g.lineWidth = 1.25;
  g.setLineDash(dash);
  g.beginPath();
  g.arc(x, y, 8, 0, Math.PI * 2);
  g.stroke();
  g.setLineDash([]);
}
