import { leftOf, scaleOf, type View } from "./layout";
import { context } from "./palette";
import type { Mark } from "./types";

/** Width of a tile in device pixels. The browser copies a tile whenever it was painted on, so it is small. */
const TILE_PX = 256;
/** Tiles kept beyond the visible ones, so that scrubbing to and fro is cheap. */
const SPARE = 3;

/** A stretch of time, painted once. */
export interface Tile {
  readonly index: number;
  readonly canvas: HTMLCanvasElement;
  readonly g: CanvasRenderingContext2D;
  /** Marks painted singly whose end is within the tile. */
  marks: Mark[];
  /** What each segment of time was taken for when the marks were chosen: true is dense. */
  segments: Map<number, boolean>;
  /** When the marks were chosen; 0 if they have to be chosen anew. */
  chosenAt: number;
  painted: boolean;
  /** Late marks came in; it is made anew at the next chance. */
  stale: boolean;
  /** Volume bars are painted up to this column. */
  barsTo: number;
  usedAt: number;
}

/** The tiles of one zoom and size. The least recently shown are given up, so memory is bounded. */
export class Tiles {
  /** Milliseconds a tile covers. */
  readonly ms: number;
  /** Width in CSS pixels. */
  readonly widthPx: number;
  private readonly tiles = new Map<number, Tile>();
  private uses = 0;

  constructor(
    private readonly view: View,
    private readonly pool: HTMLCanvasElement[],
  ) {
    this.widthPx = TILE_PX / view.dpr;
    this.ms = this.widthPx / scaleOf(view);
  }

  indexOf(time: number): number {
    return Math.floor(time / this.ms);
  }

  startOf(index: number): number {
    return index * this.ms;
  }

  find(index: number): Tile | undefined {
    return this.tiles.get(index);
  }

  all(): Iterable<Tile> {
    return this.tiles.values();
  }

  /** Tiles that the view shows, from left to right; those that were missing are empty. */
  shown(view: View): Tile[] {
    const found: Tile[] = [];
    for (let i = this.indexOf(leftOf(view)); i <= this.indexOf(view.right); i++) {
      found.push(this.use(i));
    }
    return found;
  }

  wipe(tile: Tile): void {
    tile.g.clearRect(0, 0, this.widthPx, this.view.height);
  }

  /** Give all canvases back for reuse. */
  release(): void {
    for (const tile of this.tiles.values()) this.recycle(tile);
    this.tiles.clear();
  }

  private use(index: number): Tile {
    let tile = this.tiles.get(index);
    if (tile === undefined) {
      this.makeRoom();
      tile = this.make(index);
      this.tiles.set(index, tile);
    }
    tile.usedAt = ++this.uses;
    return tile;
  }

  private make(index: number): Tile {
    const canvas = this.pool.pop() ?? document.createElement("canvas");
    canvas.width = TILE_PX;
    canvas.height = Math.max(1, Math.round(this.view.height * this.view.dpr));
    const g = context(canvas);
    g.setTransform(this.view.dpr, 0, 0, this.view.dpr, 0, 0);
    return {
      index,
      canvas,
      g,
      marks: [],
      segments: new Map(),
      chosenAt: 0,
      painted: false,
      stale: false,
      barsTo: 0,
      usedAt: 0,
    };
  }

  private makeRoom(): void {
    const most = Math.ceil(this.view.width / this.widthPx) + 1 + SPARE;
    if (this.tiles.size < most) return;
    let oldest: Tile | undefined;
    for (const tile of this.tiles.values()) {
      if (oldest === undefined || tile.usedAt < oldest.usedAt) oldest = tile;
    }
    if (oldest === undefined) return;
    this.tiles.delete(oldest.index);
    this.recycle(oldest);
  }

  private recycle(tile: Tile): void {
    if (this.pool.length < 16) this.pool.push(tile.canvas);
  }
}
