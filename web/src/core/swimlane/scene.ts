import { paintBackdrop, paintLabels, paintNow } from "./backdrop";
import type { Board } from "./board";
import type { Focus } from "./keyboard";
import { MARGIN_PX, type View, xOf } from "./layout";
import { DIM, paintFocus, paintTrace } from "./overlay";
import type { Palette } from "./palette";
import type { Picture } from "./picture";
import type { Sparks } from "./sparks";
import type { Link } from "./trace";
import type { Mark } from "./types";

/** All that a frame shows. */
export interface Scene {
  readonly board: Board;
  readonly picture: Picture;
  readonly sparks: Sparks;
  readonly palette: Palette;
  readonly view: View;
  readonly now: number;
  readonly paused: boolean;
  /** Reduced motion: nothing moves but time itself. */
  readonly still: boolean;
  readonly labels: boolean;
  readonly trace: { readonly marks: readonly Mark[]; readonly links: readonly Link[] } | null;
  /** Marks with a ring: under the pointer, and with the keyboard's focus. */
  readonly ringed: readonly Focus[];
}

export function drawScene(g: CanvasRenderingContext2D, scene: Scene): void {
  const { board, picture, palette, view, now, paused, trace } = scene;
  const end = view.width - MARGIN_PX;
  picture.refresh(view, now);
  g.setTransform(view.dpr, 0, 0, view.dpr, 0, 0);
  paintBackdrop(g, palette, view, board.lanes);
  g.save();
  g.beginPath();
  g.rect(0, 0, end, view.height);
  g.clip();
  if (trace === null) picture.paintOpenBars(g, view, now);
  g.globalAlpha = trace === null ? 1 : DIM;
  picture.blit(g, view);
  g.restore();
  paintNow(g, palette, view, paused);
  const place = (mark: Mark) => picture.place(mark, (time) => xOf(view, time));
  if (trace !== null) paintTrace(g, palette, view, board, trace.marks, trace.links, place);
  if (!paused) scene.sparks.draw(g, palette, view, now, end, scene.still);
  if (scene.labels) paintLabels(g, palette, view, board.lanes);
  for (const focus of scene.ringed) {
    paintFocus(g, palette, view, board, focus, place(focus.mark));
  }
  g.globalAlpha = 1;
}
