import { type BarJob, barScale, paintBars, peakRate } from "./bars";
import type { Board } from "./board";
import { Density, Sampler } from "./density";
import { AXIS_PX, type Column, columnOf, leftOf, scaleOf, type View, xOf, yOf } from "./layout";
import { GLYPH_PX, type Place, paintMark, REACH_PX } from "./paint";
import type { Palette } from "./palette";
import { type Tile, Tiles } from "./tiles";
import type { Mark } from "./types";

/** The bar of work before a mark is drawn at most this long. */
const LONGEST_WORK_MS = 30_000;
/** A column of bars is painted this long after its end, when batches on their way have come in. */
const GRACE_MS = 150;
/** A tile that got late marks is made anew at most this often. */
const REMAKE_MS = 1_000;
const RESCALE_MS = 1_000;

/** The board, painted into tiles at one zoom and size; a frame only copies the tiles. */
export class Picture {
  private tiles: Tiles;
  private column: Column;
  private density: Density;
  private scale = 1;
  private scaledAt = 0;
  private readonly pool: HTMLCanvasElement[] = [];

  constructor(
    private readonly board: Board,
    private view: View,
    private palette: Palette,
  ) {
    this.tiles = new Tiles(view, this.pool);
    this.column = columnOf(scaleOf(view));
    this.density = new Density(board.bins, this.column, scaleOf(view));
  }

  /** Another size, zoom, theme or set of lanes: everything is painted anew, as it comes into view. */
  reset(view: View, palette: Palette): void {
    this.view = view;
    this.palette = palette;
    this.tiles.release();
    this.tiles = new Tiles(view, this.pool);
    this.column = columnOf(scaleOf(view));
    this.density = new Density(this.board.bins, this.column, scaleOf(view));
    this.scaledAt = 0;
  }

  /** Paint marks that the board has just taken in, where their tiles exist already. Returns those painted. */
  add(marks: readonly Mark[], notable: ReadonlySet<Mark>, now: number): Mark[] {
    const painted: Mark[] = [];
    const dense = new Map<number, boolean>();
    const samplers = new Map<Tile, Sampler>();
    for (const mark of marks) {
      const tile = this.tiles.find(this.tiles.indexOf(mark.at));
      const segment = this.density.segment(mark.at);
      if ((segment + 1) * this.density.segmentMs < now) this.density.forget(segment);
      if (tile === undefined || tile.chosenAt === 0) continue;
      let isDense = dense.get(segment);
      if (isDense === undefined) {
        isDense = this.density.dense(segment, now);
        dense.set(segment, isDense);
        tile.segments.set(segment, tile.segments.get(segment) ?? isDense);
      }
      if (isDense) tile.stale ||= Math.floor(mark.at / this.column.ms) < tile.barsTo;
      if (!this.board.isShown(mark) || (isDense && !notable.has(mark))) continue;
      if (isDense && !this.samplerOf(tile, samplers).admit(mark)) continue;
      tile.marks.push(mark);
      for (const other of this.tiles.all()) {
        if (other.painted) this.paintInto(other, mark, isDense);
      }
      painted.push(mark);
    }
    return painted;
  }

  /** Paint what is missing within the view. Returns whether anything changed. */
  refresh(view: View, now: number): boolean {
    this.rescale(view, now);
    const shown = this.tiles.shown(view);
    for (const tile of shown) {
      if (!this.isOutdated(tile, now)) continue;
      const before = tile.marks.length;
      this.choose(tile, now);
      tile.painted = false;
      const left = this.tiles.find(tile.index - 1);
      if (left !== undefined && before + tile.marks.length > 0) left.painted = false;
    }
    let changed = false;
    for (const tile of shown) {
      if (!tile.painted) this.paint(tile);
      else if (!this.extendBars(tile, now)) continue;
      changed = true;
      this.extendBars(tile, now);
    }
    return changed;
  }

  /** Copy the tiles of the view onto the canvas. */
  blit(g: CanvasRenderingContext2D, view: View): void {
    g.imageSmoothingEnabled = false;
    const first = this.tiles.indexOf(leftOf(view));
    const origin = Math.round(xOf(view, this.tiles.startOf(first)) * view.dpr) / view.dpr;
    for (let index = first; index <= this.tiles.indexOf(view.right); index++) {
      const tile = this.tiles.find(index);
      if (tile === undefined) continue;
      const x = origin + (index - first) * this.tiles.widthPx;
      g.drawImage(tile.canvas, x, 0, this.tiles.widthPx, tile.canvas.height / view.dpr);
    }
  }

  /** Bars of the newest columns, which still grow and are on no tile. */
  paintOpenBars(g: CanvasRenderingContext2D, view: View, now: number): void {
    const job = { ...this.barJob(now), x: (time: number) => xOf(view, time) };
    const newest = Math.floor(view.right / this.column.ms);
    paintBars(g, this.palette, job, Math.max(this.barsDue(now), newest - 8), newest + 1);
  }

  /** Marks painted singly whose end is in the view, oldest first. */
  drawn(view: View): Mark[] {
    const left = leftOf(view);
    return this.tiles
      .shown(view)
      .flatMap((tile) => tile.marks.filter((mark) => mark.at >= left && mark.at <= view.right))
      .sort((a, b) => a.at - b.at);
  }

  drawnCount(view: View): number {
    return this.tiles.shown(view).reduce((sum, tile) => sum + tile.marks.length, 0);
  }

  isDense(time: number, now: number): boolean {
    return this.density.dense(this.density.segment(time), now);
  }

  /** Where a mark goes, given where times go. */
  place(mark: Mark, x: (time: number) => number): Place {
    const from = this.board.laneOf(mark.from);
    const to = this.board.laneOf(mark.to);
    return {
      x: x(mark.at),
      began: x(workBegan(mark)),
      from: from === undefined ? undefined : yOf(this.view, from),
      to: to === undefined ? undefined : yOf(this.view, to),
      height: this.view.height - AXIS_PX,
    };
  }

  private samplerOf(tile: Tile, samplers: Map<Tile, Sampler>): Sampler {
    let sampler = samplers.get(tile);
    if (sampler === undefined) {
      sampler = new Sampler(scaleOf(this.view));
      for (const mark of tile.marks.slice(-64)) sampler.admit(mark);
      samplers.set(tile, sampler);
    }
    return sampler;
  }

  private isOutdated(tile: Tile, now: number): boolean {
    if (tile.chosenAt === 0) return true;
    for (const [segment, dense] of tile.segments) {
      if (this.density.dense(segment, now) !== dense) return true;
    }
    return tile.stale && now - tile.chosenAt > REMAKE_MS;
  }

  /** Choose which marks of a tile are painted singly. */
  private choose(tile: Tile, now: number): void {
    const { board, density } = this;
    const from = this.tiles.startOf(tile.index);
    const to = this.tiles.startOf(tile.index + 1);
    const sampler = new Sampler(scaleOf(this.view));
    tile.marks = [];
    tile.segments = new Map();
    tile.stale = false;
    tile.chosenAt = now;
    for (let s = density.segment(from); s * density.segmentMs < Math.min(to, now); s++) {
      const dense = density.dense(s, now);
      tile.segments.set(s, dense);
      const begin = Math.max(from, s * density.segmentMs);
      const end = Math.min(to, (s + 1) * density.segmentMs);
      const thin = dense || begin < board.marks.oldest;
      for (const mark of (thin ? board.notable : board.marks).between(begin, end)) {
        if (board.isShown(mark) && (!dense || sampler.admit(mark))) tile.marks.push(mark);
      }
    }
  }

  /** Paint a tile's marks, and what marks of other tiles reach into it. */
  private paint(tile: Tile): void {
    this.tiles.wipe(tile);
    for (const other of this.tiles.all()) {
      for (const mark of other.marks) {
        const dense = other.segments.get(this.density.segment(mark.at)) ?? false;
        this.paintInto(tile, mark, dense);
      }
    }
    tile.painted = true;
    tile.barsTo = Math.floor(this.tiles.startOf(tile.index) / this.column.ms);
  }

  private paintInto(tile: Tile, mark: Mark, dense: boolean): void {
    const scale = scaleOf(this.view);
    const start = this.tiles.startOf(tile.index);
    const x = (mark.at - start) * scale;
    const began = dense ? x : (workBegan(mark) - start) * scale;
    const reach = Math.min(began, x - REACH_PX.handoff) - GLYPH_PX;
    if (reach > this.tiles.widthPx || x + GLYPH_PX < 0) return;
    const place = this.place(mark, (time) => (time - start) * scale);
    paintMark(tile.g, this.palette, mark, place, dense);
  }

  /** First column that may not be painted yet: its neighbour has not been counted out. */
  private barsDue(now: number): number {
    return Math.floor((now - GRACE_MS) / this.column.ms) - 1;
  }

  /** Paint the bars that are due, beneath what is there. */
  private extendBars(tile: Tile, now: number): boolean {
    const start = this.tiles.startOf(tile.index);
    const end = Math.ceil((start + this.tiles.ms) / this.column.ms);
    const due = Math.min(end, this.barsDue(now));
    if (due <= tile.barsTo) return false;
    const job = { ...this.barJob(now), x: (time: number) => (time - start) * scaleOf(this.view) };
    tile.g.globalCompositeOperation = "destination-over";
    paintBars(tile.g, this.palette, job, tile.barsTo, due);
    tile.g.globalCompositeOperation = "source-over";
    tile.barsTo = due;
    return true;
  }

  private barJob(now: number): Omit<BarJob, "x"> {
    return {
      bins: this.board.bins,
      column: this.column,
      lanes: this.board.lanes,
      view: this.view,
      scale: this.scale,
      wanted: (index) => this.isDense(index * this.column.ms, now),
    };
  }

  /** Fit the bars' scale to what is in the view. */
  private rescale(view: View, now: number): void {
    if (now - this.scaledAt < RESCALE_MS) return;
    this.scaledAt = now;
    const { bins, lanes } = this.board;
    const scale = barScale(
      this.scale,
      peakRate(bins, this.column, lanes, leftOf(view), view.right),
    );
    if (scale === this.scale) return;
    this.scale = scale;
    for (const tile of this.tiles.all()) {
      if ([...tile.segments.values()].some(Boolean)) tile.painted = false;
    }
  }
}

function workBegan(mark: Mark): number {
  return Math.max(mark.began, mark.at - LONGEST_WORK_MS);
}
