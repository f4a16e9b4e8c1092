import { AXIS_PX, laneHeight, MARGIN_PX, ticks, type View, xOf, yOf } from "./layout";
import type { Palette } from "./palette";
import type { Lane } from "./types";

const GLOW_PX = 90;

/** Lanes, ticks and their times: all that is behind the marks. It covers the whole canvas. */
export function paintBackdrop(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  lanes: readonly Lane[],
): void {
  const { width, height } = view;
  const bottom = height - AXIS_PX;
  g.globalAlpha = 1;
  g.fillStyle = palette.background;
  g.fillRect(0, 0, width, height);
  g.fillStyle = palette.band;
  for (let lane = 1; lane < lanes.length; lane += 2) {
    g.fillRect(0, lane * laneHeight(view), width, laneHeight(view));
  }
  g.fillStyle = palette.grid;
  const found = ticks(view);
  for (const { at } of found) g.fillRect(Math.round(xOf(view, at)), 0, 1, bottom);
  g.fillRect(0, bottom, width, 1);
  g.fillStyle = palette.rule;
  for (let lane = 0; lane < lanes.length; lane++) {
    g.fillRect(0, Math.round(yOf(view, lane)), width - MARGIN_PX, 1);
  }
  g.fillStyle = palette.label;
  g.font = `500 11px ${palette.font}`;
  g.textBaseline = "middle";
  g.textAlign = "center";
  for (const { at, label } of found) {
    const x = xOf(view, at);
    if (x > 26 && x < width - MARGIN_PX - 26) g.fillText(label, x, bottom + AXIS_PX / 2 + 1);
  }
}

/** The now line with its glow; a paused view has a dashed line and no glow. */
export function paintNow(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  paused: boolean,
): void {
  const x = view.width - MARGIN_PX;
  const bottom = view.height - AXIS_PX;
  g.globalAlpha = 1;
  if (!paused) {
    const glow = g.createLinearGradient(x - GLOW_PX, 0, x, 0);
    glow.addColorStop(0, palette.glowFrom);
    glow.addColorStop(1, palette.glowTo);
    g.fillStyle = glow;
    g.fillRect(x - GLOW_PX, 0, GLOW_PX, bottom);
  }
  g.strokeStyle = palette.now;
  g.lineWidth = paused ? 1 : 1.5;
  g.setLineDash(paused ? [4, 4] : []);
  g.beginPath();
  g.moveTo(x, 0);
  g.lineTo(x, bottom);
  g.stroke();
  g.setLineDash([]);
}

/** Lane names inside the canvas, on plates at the top left of each lane. */
export function paintLabels(
  g: CanvasRenderingContext2D,
  palette: Palette,
  view: View,
  lanes: readonly Lane[],
): void {
  g.font = `600 11px ${palette.font}`;
  g.textBaseline = "middle";
  g.textAlign = "left";
  for (const [lane, { label }] of lanes.entries()) {
    const y = lane * laneHeight(view) + Math.min(11, laneHeight(view) / 2);
    g.globalAlpha = 0.82;
    g.fillStyle = palette.plate;
    g.beginPath();
    g.roundRect(4, y - 8, g.measureText(label).width + 10, 16, 4);
    g.fill();
    g.globalAlpha = 1;
    g.fillStyle = palette.label;
    g.fillText(label, 9, y + 0.5);
  }
}
