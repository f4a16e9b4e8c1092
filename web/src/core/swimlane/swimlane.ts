import { Board } from "./board";
import { Explorer } from "./explorer";
import { listen } from "./input";
import { clampWindow, scaleOf, type View, zoomed } from "./layout";
import { Loop } from "./loop";
import type { Motion, Pacer } from "./pacer";
import { context, type Palette, paletteOf } from "./palette";
import { Picture } from "./picture";
import { drawScene } from "./scene";
import { Sparks, wayOf } from "./sparks";
import { chain, type Link } from "./trace";
import type { Lane, Mark, Options, Stats, Theme } from "./types";

const FIRST_WINDOW_MS = 12_000;
/** Up to this many marks a second every message between lanes shoots across; beyond, only what matters. */
const LIVELY_PER_SECOND = 40;
const LIVELY_WINDOW_MS = 60_000;
/** Marks that come in later than this are not highlighted: they are history. */
const FRESH_MS = 2_000;
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
  private readonly loop = new Loop(
    () => this.draw(),
    (pacer) => this.wait(pacer),
  );
  private readonly stop = new AbortController();
  private readonly explorer: Explorer;
  private readonly sizes: ResizeObserver;
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");
  private readonly now: () => number;
  private palette: Palette;
  private view: View;
  private paused = false;
  private trace: { id: string; marks: Mark[]; links: Link[] } | null = null;
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
    this.explorer = new Explorer(
      {
        view: () => this.view,
        lit: () => this.trace?.marks ?? [],
        touch: () => this.touch(),
        choose: (mark) => this.choose(mark),
        zoom: (by) => this.zoom(by),
        toggle: () => (this.paused ? this.resume() : this.pause()),
        scrubTo: (right) => this.scrubTo(right),
      },
      canvas,
      this.board,
      this.picture,
      options,
    );
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(canvas);
    listen(
      canvas,
      {
        hover: (x, y) => this.explorer.point({ x, y }),
        leave: () => this.explorer.point(null),
        click: (x, y) => this.explorer.click(x, y),
        drag: (dx) => this.drag(dx),
        zoom: (by) => this.zoom(by),
        key: (key) => this.explorer.key(key),
        focus: (has) => this.explorer.setFocused(has),
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
    this.sparks.reset();
    this.remake();
  }

  /** Take in marks, new or old, in any order. Each id is to be given once. */
  add(marks: readonly Mark[]): void {
    if (marks.length === 0) return;
    const now = this.now();
    const notable = this.board.add(marks);
    const painted = this.picture.add(marks, notable, now);
    if (this.trace !== null) this.extendTrace(marks);
    if (!this.paused && !document.hidden && !this.still.matches) this.highlight(painted, now);
    if (!this.paused) this.loop.nudge();
    else if (marks.some((mark) => mark.at <= this.view.right)) this.touch();
  }

  /** An agent has given a sign of life. */
  beat(lane: string): void {
    const place = this.board.laneOf(lane);
    if (place === undefined) return;
    this.sparks.beat(place, this.now());
    if (!this.paused) this.loop.nudge();
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
    this.sparks.clear();
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
      fps: this.loop.pacer.fps(performance.now()),
      rate: this.board.bins.total(0, end - 1000, end),
    };
  }

  destroy(): void {
    this.stop.abort();
    this.sizes.disconnect();
    this.loop.stop();
  }

  private remake(): void {
    this.picture.reset(this.view, this.palette);
    this.touch();
  }

  /** Draw soon, also when paused. */
  private touch(): void {
    this.dirty = true;
    this.loop.wake();
  }

  private draw(): void {
    const now = this.now();
    this.dirty = false;
    if (!this.paused) this.view = { ...this.view, right: now };
    if (this.view.width <= 1 || this.view.height <= 1) return;
    drawScene(this.g, {
      board: this.board,
      picture: this.picture,
      sparks: this.sparks,
      palette: this.palette,
      view: this.view,
      now,
      paused: this.paused,
      still: this.still.matches,
      labels: this.options.labels ?? false,
      trace: this.trace,
      ringed: this.explorer.ringed(),
    });
    this.explorer.report();
  }

  private wait(pacer: Pacer): number | null {
    if (this.dirty) return 0;
    if (this.paused) return null;
    const pxPerSecond = scaleOf(this.view) * 1000 * this.view.dpr;
    return pacer.interval(this.motion(this.now()), pxPerSecond);
  }

  private motion(now: number): Motion {
    if (!this.still.matches && this.sparks.hasArcs(now)) return "arcs";
    if (!this.still.matches && this.sparks.hasBeats(now)) return "beats";
    return this.picture.drawnCount(this.view) > 0 || this.picture.isDense(now, now)
      ? "scroll"
      : "calm";
  }

  private highlight(marks: readonly Mark[], now: number): void {
    const rate = this.board.bins.total(1, now - 2000, now) / 2;
    const mood = {
      lively: rate < LIVELY_PER_SECOND && this.view.windowMs <= LIVELY_WINDOW_MS,
      dense: this.picture.isDense(now, now),
    };
    for (const mark of marks) {
      const isOther = this.trace !== null && mark.trace !== this.trace.id;
      if (isOther || now - mark.at > FRESH_MS) continue;
      const way = wayOf(mark, mood);
      const from = this.board.laneOf(mark.from);
      const to = way === "stay" ? from : this.board.laneOf(mark.to);
      if (way === null || from === undefined || to === undefined) continue;
      this.sparks.add(mark, from, to, now);
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

  private drag(dx: number): void {
    this.explorer.point(null);
    this.scrubTo(this.view.right - dx / scaleOf(this.view));
  }

  private zoom(by: -1 | 1): void {
    this.setWindow(zoomed(this.view.windowMs, by));
    this.options.onWindow?.(this.view.windowMs);
  }

  private choose(mark: Mark | null): void {
    if (mark === null && this.trace === null) return;
    this.select(mark === null || mark.trace === "" ? null : mark.trace);
    this.options.onSelect(mark);
  }
}
