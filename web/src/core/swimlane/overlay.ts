import type { Board } from "./board";
import type { Focus } from "./keyboard";
import { duration, leftOf, MARGIN_PX, type View, xOf, yOf } from "./layout";
import { anchorOf, type Place, paintGlyph, paintMark, reachOf, trace } from "./paint";
import type { Palette } from "./palette";
import type { Link } from "./trace";
import type { Mark } from "./types";

/** What everything else is dimmed to while a trace is lit. */
export const DIM = 0.15;
/** Of a trace with more marks than this only the newest are lit. */
const MOST_MARKS = 400;

interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly strong: boolean;
}

/** Light up a trace: its marks, and its chain with waiting (dashed) and working (solid) times. */
export function paintTrace(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  board: Board,
  marks: readonly Mark[],
  links: readonly Link[],
  place: (mark: Mark) => Place,
): void {
  const left = leftOf(view);
  const handed = new Set(links.map((link) => link.mark.id));
  const seen = marks.filter((mark) => mark.at >= left && mark.at <= view.right);
  const labels = links.flatMap((link) => {
    const onward = links.find((l) => l.at === link.done && l.from === link.to);
    const leaves = onward === undefined ? 0 : reachOf(onward.mark.kind);
    return paintStay(g, palette, view, board, link, leaves);
  });
  for (const mark of seen.slice(-MOST_MARKS)) {
    if (!handed.has(mark.id)) paintMark(g, palette, mark, place(mark), false);
  }
  for (const link of links) paintHandover(g, palette, view, place(link.mark), link);
  paintPlates(g, palette, view, labels);
}

/** Ring around the mark that has the keyboard's focus, in the lane in which it was reached. */
export function paintFocus(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  board: Board,
  focus: Focus,
  place: Place,
): void {
  const { x, y } = focusPoint(view, board, focus, place);
  g.globalAlpha = 1;
  for (const [colour, width] of [
    [palette.background, 6],
    [palette.focus, 2.5],
  ] as const) {
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.beginPath();
    g.arc(x, y, 11, 0, Math.PI * 2);
    g.stroke();
  }
}

export function focusPoint(
  view: View,
  board: Board,
  focus: Focus,
  place: Place,
): { x: number; y: number } {
  const lane = board.laneOf(focus.lane);
  const anchor = anchorOf(focus.mark, place) ?? 0;
  const y = lane === undefined ? anchor : yOf(view, lane);
  return { x: y === anchor ? place.x : place.x - reachOf(focus.mark.kind), y };
}

function paintHandover(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  place: Place,
  link: Link,
): void {
  const { from, to, x } = place;
  if (to === undefined || link.at < leftOf(view) || link.at > view.right) return;
  if (from !== undefined) {
    const reach = reachOf(link.mark.kind);
    g.lineCap = "round";
    for (const [colour, width] of [
      [palette.background, 9],
      [palette.kinds[link.mark.kind].solid, 4],
    ] as const) {
      g.strokeStyle = colour;
      g.globalAlpha = 1;
      g.lineWidth = width;
      g.beginPath();
      trace(g, x, from, to, reach);
      g.stroke();
    }
  }
  paintGlyph(g, palette, link.mark.kind, x, to, 1.5);
}

/**
 * The stay of the work in the receiver's lane; returns the labels to put beside it. It ends
 * `leaves` pixels early, where the line that hands it on begins.
 */
function paintStay(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  board: Board,
  link: Link,
  leaves: number,
): Label[] {
  const lane = board.laneOf(link.to);
  if (lane === undefined) return [];
  const y = yOf(view, lane);
  const end = link.done ?? view.right;
  const taken = Math.min(link.taken ?? end, end);
  if (end < leftOf(view) || link.at > view.right) return [];
  const clip = (time: number) =>
    Math.max(0, Math.min(view.width - MARGIN_PX, xOf(view, Math.min(time, view.right))));
  const [x0, x1] = [clip(link.at), clip(taken)];
  const x2 = Math.max(x1, clip(end) - leaves);
  g.globalAlpha = 0.95;
  g.lineCap = "butt";
  g.strokeStyle = palette.kinds[link.mark.kind].solid;
  g.lineWidth = 2;
  g.setLineDash([3, 3]);
  line(g, x0, x1, y);
  g.setLineDash([]);
  g.lineWidth = 7;
  line(g, x1, x2, y);
  const labels: Label[] = [];
  const waited = link.waiting ?? 0;
  if (waited >= 1 && link.waiting !== null) {
    labels.push({ text: `waited ${duration(waited)}`, x: (x0 + x1) / 2, y: y + 17, strong: false });
  }
  const x = (x1 + x2) / 2;
  if (link.working !== null) {
    labels.push({ text: `worked ${duration(link.working)}`, x, y: y - 17, strong: true });
  } else if (link.done !== null) {
    const total = duration(link.done - link.at);
    labels.push({ text: `${total} in all`, x: (x0 + x2) / 2, y: y - 17, strong: true });
  } else {
    const since = duration(Math.max(0, view.right - (link.taken ?? link.at)));
    const text = link.taken === null ? `waiting for ${since}` : `working for ${since}`;
    labels.push({ text, x: link.taken === null ? (x0 + x1) / 2 : x, y: y - 17, strong: true });
  }
  return labels;
}

function line(g: CanvasRenderingContext2D, from: number, to: number, y: number): void {
  if (to - from < 0.5) return;
  g.beginPath();
  g.moveTo(from, y);
  g.lineTo(to, y);
  g.stroke();
}

/** Labels on plates, kept inside the canvas; one that would cover another is left out. */
function paintPlates(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  labels: readonly Label[],
): void {
  const taken: { x: number; y: number; width: number }[] = [];
  g.textBaseline = "middle";
  g.textAlign = "left";
  const inOrder = [...labels].sort((a, b) => Number(b.strong) - Number(a.strong));
  for (const label of inOrder) {
    g.font = `${label.strong ? 650 : 500} 11.5px ${palette.font}`;
    const width = g.measureText(label.text).width + 12;
    const x = Math.max(2, Math.min(view.width - MARGIN_PX - width - 4, label.x - width / 2));
    const y = Math.max(10, label.y);
    const covers = taken.some(
      (t) => Math.abs(t.y - y) < 20 && x < t.x + t.width + 3 && t.x < x + width + 3,
    );
    if (covers) continue;
    taken.push({ x, y, width });
    g.globalAlpha = 0.94;
    g.fillStyle = palette.plate;
    g.beginPath();
    g.roundRect(x, y - 9, width, 18, 5);
    g.fill();
    g.globalAlpha = 1;
    g.fillStyle = label.strong ? palette.text : palette.label;
    g.fillText(label.text, x + 6, y + 0.5);
  }
}
