import { paintBackdrop, paintLabels, paintNow } from "./backdrop";
import { Board } from "./board";
import { describe } from "./describe";
import { nearest } from "./hit";
import { listen } from "./input";
import { type Action, actionOf, changeLane, edge, type Focus, step } from "./keyboard";
import { clampWindow, leftOf, MARGIN_PX, scaleOf, type View, xOf, zoomed } from "./layout";
import { DIM, focusPoint, paintFocus, paintTrace } from "./overlay";
import { type Motion, Pacer } from "./pacer";
import { isFailure } from "./paint";
import { context, type Palette, paletteOf } from "./palette";
import { Picture } from "./picture";
import { Sparks } from "./sparks";
import { chain, type Link } from "./trace";
import type { Hit, Lane, Mark, Options, Stats, Theme } from "./types";

const FIRST_WINDOW_MS = 12_000;
/** Up to this many marks a second every message between lanes shoots across; beyond, only what matters. */
const LIVELY_PER_SECOND = 40;
const MOST_DPR = 2;

/**
 * Live traffic on a canvas: a lane per agent, time from left to right.
 *
 * The canvas takes its size from CSS. Lanes share its height above `AXIS_PX`. Nothing is drawn
 * while the page is hidden or while a paused view does not change.
 */
export class Swimlane {
  private readonly g: CanvasRenderingContext2D;
  private readonly board = new Board();
  private readonly picture: Picture;
  private readonly sparks = new Sparks();
  private readonly pacer = new Pacer();
  private readonly stop = new AbortController();
  private readonly sizes: ResizeObserver;
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");
  private readonly now: () => number;
  private palette: Palette;
  private view: View;
  private paused = false;
  private focus: Focus | null = null;
  private hasFocus = false;
  private trace: { id: string; marks: Mark[]; links: Link[] } | null = null;
  private pointer: { x: number; y: number } | null = null;
  private hovered: Mark | null = null;
  private timer = 0;
  private request = 0;
  private asked = 0;
  /** Something changed that shows also in a paused view. */
  private dirty = true;

  /** Raises if the browser gives no 2d canvas. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly options: Options,
  ) {
    this.g = context(canvas, { alpha: false });
    this.now = options.now ?? Date.now;
    this.palette = paletteOf(options.theme);
    this.view = {
      width: 1,
      height: 1,
      dpr: 1,
      windowMs: FIRST_WINDOW_MS,
      lanes: 0,
      right: this.now(),
    };
    this.picture = new Picture(this.board, this.view, this.palette);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(canvas);
    listen(
      canvas,
      {
        hover: (x, y) => this.point({ x, y }),
        leave: () => this.point(null),
        click: (x, y) => this.click(x, y),
        drag: (dx) => this.drag(dx),
        zoom: (by) => this.zoom(by),
        key: (key) => this.key(key),
        focus: (has) => this.setFocused(has),
        visibility: () => this.touch(),
      },
      this.stop.signal,
    );
    this.still.addEventListener("change", () => this.touch(), { signal: this.stop.signal });
    this.resize();
  }

  /** Show these lanes, from the top. */
  setLanes(lanes: readonly Lane[]): void {
    this.board.setLanes(lanes);
    this.view = { ...this.view, lanes: lanes.length };
    this.sparks.clear();
    this.remake();
  }

  /** Take in marks, new or old, in any order. Each id is to be given once. */
  add(marks: readonly Mark[]): void {
    if (marks.length === 0) return;
    const now = this.now();
    this.board.add(marks);
    this.picture.add(marks, now);
    if (this.trace !== null) this.extendTrace(marks);
    if (!this.paused && !document.hidden && !this.still.matches) this.highlight(marks, now);
    this.schedule();
  }

  /** An agent has given a sign of life. */
  beat(lane: string): void {
    const place = this.board.laneOf(lane);
    if (place === undefined) return;
    this.sparks.beat(place, this.now());
    this.schedule();
  }

  /** Show this much time, in milliseconds; clamped to 5 s … 1 h. */
  setWindow(windowMs: number): void {
    const clamped = clampWindow(windowMs);
    if (clamped === this.view.windowMs) return;
    this.view = { ...this.view, windowMs: clamped };
    this.remake();
  }

  /** Hold the view still; marks are still taken in. */
  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.view = { ...this.view, right: this.now() };
    this.touch();
    this.options.onPause?.(true, this.view.right);
  }

  /** Go on with what is new. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.touch();
    this.options.onPause?.(false, this.now());
  }

  /** Pause, and show the time up to `right` (milliseconds since the epoch; not beyond now). */
  scrubTo(right: number): void {
    this.paused = true;
    this.view = { ...this.view, right: Math.min(right, this.now()) };
    this.touch();
    this.options.onPause?.(true, this.view.right);
  }

  /** Light up a trace and dim the rest; null lights up everything again. */
  select(trace: string | null): void {
    const marks = trace === null ? [] : this.board.ofTrace(trace);
    this.trace = trace === null ? null : { id: trace, marks, links: chain(marks) };
    this.touch();
  }

  /** The handoff chain of the selected trace; empty if none is selected. */
  links(): readonly Link[] {
    return this.trace?.links ?? [];
  }

  setTheme(theme: Theme): void {
    this.palette = paletteOf(theme);
    this.remake();
  }

  /** Fit the canvas to its CSS size and the screen's resolution. Called by itself when the size changes. */
  resize(): void {
    const dpr = Math.min(MOST_DPR, window.devicePixelRatio || 1);
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    if (width === this.view.width && height === this.view.height && dpr === this.view.dpr) return;
    this.canvas.width = Math.round(width * dpr);
    this.canvas.height = Math.round(height * dpr);
    this.view = { ...this.view, width, height, dpr };
    this.remake();
  }

  stats(): Stats {
    const now = this.now();
    const end = Math.floor(now / 100) * 100;
    return {
      drawn: this.picture.drawnCount(this.view),
      seen: this.board.seen,
      dense: this.picture.isDense(this.paused ? this.view.right : now - 1000, now),
      fps: this.pacer.fps(performance.now()),
      rate: this.board.bins.total(0, end - 1000, end),
    };
  }

  destroy(): void {
    this.stop.abort();
    this.sizes.disconnect();
    clearTimeout(this.timer);
    cancelAnimationFrame(this.request);
    this.timer = this.request = -1;
  }

  private remake(): void {
    this.picture.reset(this.view, this.palette);
    this.touch();
  }

  /** Draw soon, also when paused. */
  private touch(): void {
    this.dirty = true;
    if (this.timer > 0) clearTimeout(this.timer);
    if (this.timer > 0) this.timer = 0;
    this.schedule();
  }

  private schedule(wait = 0): void {
    if (this.timer !== 0 || this.request !== 0) return;
    if (document.hidden || (this.paused && !this.dirty)) return;
    if (wait > 20) {
      this.timer = window.setTimeout(() => {
        this.timer = 0;
        this.schedule();
      }, wait - 8);
      return;
    }
    this.asked = performance.now();
    this.request = requestAnimationFrame(this.frame);
  }

  private readonly frame = (): void => {
    this.request = 0;
    const begun = performance.now();
    const now = this.now();
    this.dirty = false;
    if (!this.paused) this.view = { ...this.view, right: now };
    if (this.view.width > 1 && this.view.height > 1) this.draw(now);
    this.report();
    const cost = performance.now() - begun;
    this.pacer.note(begun, cost, begun - this.asked);
    const speed = scaleOf(this.view) * 1000 * this.view.dpr;
    this.schedule(this.pacer.interval(this.motion(now), speed));
  };

  private draw(now: number): void {
    const { g, view, palette, board, picture } = this;
    const { lanes } = board;
    const end = view.width - MARGIN_PX;
    picture.refresh(view, now);
    g.setTransform(view.dpr, 0, 0, view.dpr, 0, 0);
    paintBackdrop(g, palette, view, lanes);
    g.save();
    g.beginPath();
    g.rect(0, 0, end + (this.paused ? MARGIN_PX : 0), view.height);
    g.clip();
    g.globalAlpha = this.trace === null ? 1 : DIM;
    picture.blit(g, view);
    if (this.trace === null) picture.paintOpenBars(g, view, now);
    g.restore();
    paintNow(g, palette, view, this.paused);
    const place = (mark: Mark) => picture.place(mark, (time) => xOf(view, time));
    if (this.trace !== null) {
      paintTrace(g, palette, view, board, this.trace.marks, this.trace.links, place);
    }
    if (!this.paused) this.sparks.draw(g, palette, view, now, end, this.still.matches);
    if (this.options.labels) paintLabels(g, palette, view, lanes);
    if (this.hovered !== null) {
      paintFocus(g, palette, view, board, { mark: this.hovered, lane: "" }, place(this.hovered));
    }
    if (this.focus !== null && this.hasFocus) {
      paintFocus(g, palette, view, board, this.focus, place(this.focus.mark));
    }
    g.globalAlpha = 1;
  }

  private motion(now: number): Motion {
    if (!this.still.matches && this.sparks.isMoving(now)) return "highlights";
    return this.picture.drawnCount(this.view) > 0 || this.picture.isDense(now, now)
      ? "scroll"
      : "calm";
  }

  private highlight(marks: readonly Mark[], now: number): void {
    const lively = this.board.bins.total(1, now - 2000, now) / 2 < LIVELY_PER_SECOND;
    for (const mark of marks) {
      const from = this.board.laneOf(mark.from);
      const to = this.board.laneOf(mark.to);
      if (from === undefined || to === undefined || from === to) continue;
      if (now - mark.at > 2000) continue;
      if (lively || mark.kind === "handoff" || isFailure(mark)) {
        this.sparks.add(mark, from, to, now);
      }
    }
  }

  private extendTrace(marks: readonly Mark[]): void {
    if (this.trace === null) return;
    const { id } = this.trace;
    const fresh = marks.filter((mark) => mark.trace === id);
    if (fresh.length === 0) return;
    const all = [...this.trace.marks, ...fresh].sort((a, b) => a.at - b.at);
    this.trace = { id, marks: all, links: chain(all) };
    this.touch();
  }

  private hitAt(x: number, y: number): Hit | null {
    const place = (mark: Mark) => this.picture.place(mark, (time) => xOf(this.view, time));
    const lit = this.trace?.marks ?? [];
    return (
      nearest(lit, this.view, place, x, y) ??
      nearest(this.picture.drawn(this.view), this.view, place, x, y)
    );
  }

  private point(at: { x: number; y: number } | null): void {
    this.pointer = at;
    this.touch();
  }

  /** Tell what is under the pointer, once a frame: the view moves under a pointer that rests. */
  private report(): void {
    if (this.pointer === null && this.hovered === null) return;
    const hit = this.pointer === null ? null : this.hitAt(this.pointer.x, this.pointer.y);
    if (hit === null && this.hovered === null) return;
    if (hit?.mark.id !== this.hovered?.id) this.dirty = true;
    this.hovered = hit?.mark ?? null;
    this.canvas.style.cursor = hit === null ? "" : "pointer";
    this.options.onHover(hit);
  }

  private click(x: number, y: number): void {
    this.choose(this.hitAt(x, y)?.mark ?? null);
  }

  private choose(mark: Mark | null): void {
    if (mark === null && this.trace === null) return;
    this.select(mark === null || mark.trace === "" ? null : mark.trace);
    this.options.onSelect(mark);
  }

  private drag(dx: number): void {
    this.pointer = null;
    this.scrubTo(this.view.right - dx / scaleOf(this.view));
  }

  private zoom(by: -1 | 1): void {
    this.setWindow(zoomed(this.view.windowMs, by));
    this.options.onWindow?.(this.view.windowMs);
  }

  private setFocused(has: boolean): void {
    this.hasFocus = has;
    if (!has && this.focus !== null) this.options.onHover(null);
    this.touch();
  }

  private key(key: string): boolean {
    const action = actionOf(key);
    if (action === null) return false;
    this.hasFocus = true;
    return this.act(action);
  }

  private act(action: Action): boolean {
    const { board } = this;
    const marks = () => this.picture.drawn(this.view);
    switch (action.do) {
      case "step":
        return this.moveFocus(step(marks(), this.focus, action.by));
      case "lane":
        return this.moveFocus(
          changeLane(
            marks(),
            board.lanes.map((lane) => lane.id),
            this.focus,
            action.by,
          ),
        );
      case "edge":
        return this.moveFocus(edge(marks(), this.focus, action.end));
      case "zoom":
        this.zoom(action.by);
        return true;
      case "pause":
        if (this.paused) this.resume();
        else this.pause();
        return true;
      case "select":
        if (this.focus !== null) this.choose(this.focus.mark);
        return this.focus !== null;
      case "clear":
        if (this.focus === null && this.trace === null) return false;
        this.focus = null;
        this.options.onHover(null);
        this.choose(null);
        this.touch();
        return true;
    }
  }

  private moveFocus(focus: Focus | null): boolean {
    if (focus === null) return true;
    this.focus = focus;
    const place = this.picture.place(focus.mark, (time) => xOf(this.view, time));
    const point = focusPoint(this.view, this.board, focus, place);
    this.options.onHover({ mark: focus.mark, ...point });
    this.options.onDescribe?.(describe(focus.mark, (id) => this.board.labelOf(id)));
    if (focus.mark.at < leftOf(this.view)) this.scrubTo(focus.mark.at + this.view.windowMs / 2);
    this.touch();
    return true;
  }
}
