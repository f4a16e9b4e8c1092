import type { Board } from "./board";
import { describe } from "./describe";
import { nearest } from "./hit";
import { type Action, actionOf, changeLane, edge, type Focus, step } from "./keyboard";
import { leftOf, type View, xOf } from "./layout";
import { focusPoint } from "./overlay";
import type { Place } from "./paint";
import type { Picture } from "./picture";
import type { Hit, Mark, Options } from "./types";

/** What exploring asks of the swimlane. */
export interface Stage {
  readonly view: () => View;
  /** Marks of the selected trace: they are above the others. */
  readonly lit: () => readonly Mark[];
  readonly touch: () => void;
  readonly choose: (mark: Mark | null) => void;
  readonly zoom: (by: -1 | 1) => void;
  /** Pause or resume. */
  readonly toggle: () => void;
  readonly scrubTo: (right: number) => void;
}

/** Finds marks for the pointer and for the keyboard, and tells of them. */
export class Explorer {
  private focus: Focus | null = null;
  private hasFocus = false;
  private pointer: { x: number; y: number } | null = null;
  private hovered: Mark | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly canvas: HTMLCanvasElement,
    private readonly board: Board,
    private readonly picture: Picture,
    private readonly options: Options,
  ) {}

  /** Marks to draw a ring around. */
  ringed(): Focus[] {
    const found: Focus[] = [];
    if (this.hovered !== null) found.push({ mark: this.hovered, lane: "" });
    if (this.focus !== null && this.hasFocus) found.push(this.focus);
    return found;
  }

  /** The pointer is there; null: it has left. */
  point(at: { x: number; y: number } | null): void {
    this.pointer = at;
    this.stage.touch();
  }

  click(x: number, y: number): void {
    this.stage.choose(this.hitAt(x, y)?.mark ?? null);
  }

  /** Tell what is under the pointer, once a frame: the view moves under a pointer that rests. */
  report(): void {
    if (this.pointer === null && this.hovered === null) return;
    const hit = this.pointer === null ? null : this.hitAt(this.pointer.x, this.pointer.y);
    if (hit === null && this.hovered === null) return;
    if (hit?.mark.id !== this.hovered?.id) this.stage.touch();
    this.hovered = hit?.mark ?? null;
    this.canvas.style.cursor = hit === null ? "" : "pointer";
    this.options.onHover(hit);
  }

  /** The canvas got or lost the keyboard's focus. */
  setFocused(has: boolean): void {
    this.hasFocus = has;
    if (!has && this.focus !== null) this.options.onHover(null);
    this.stage.touch();
  }

  /** Returns whether the key was used. */
  key(key: string): boolean {
    const action = actionOf(key);
    if (action === null) return false;
    this.hasFocus = true;
    return this.act(action);
  }

  private act(action: Action): boolean {
    const marks = () => this.picture.drawn(this.stage.view());
    const lanes = this.board.lanes.map((lane) => lane.id);
    switch (action.do) {
      case "step":
        return this.move(step(marks(), this.focus, action.by));
      case "lane":
        return this.move(changeLane(marks(), lanes, this.focus, action.by));
      case "edge":
        return this.move(edge(marks(), this.focus, action.end));
      case "zoom":
        this.stage.zoom(action.by);
        return true;
      case "pause":
        this.stage.toggle();
        return true;
      case "select":
        if (this.focus !== null) this.stage.choose(this.focus.mark);
        return this.focus !== null;
      case "clear":
        return this.clear();
    }
  }

  private clear(): boolean {
    if (this.focus === null && this.stage.lit().length === 0) return false;
    this.focus = null;
    this.options.onHover(null);
    this.stage.choose(null);
    this.stage.touch();
    return true;
  }

  private move(focus: Focus | null): boolean {
    if (focus === null) return true;
    const view = this.stage.view();
    this.focus = focus;
    const point = focusPoint(view, this.board, focus, this.place(focus.mark));
    this.options.onHover({ mark: focus.mark, ...point });
    this.options.onDescribe?.(describe(focus.mark, (id) => this.board.labelOf(id)));
    if (focus.mark.at < leftOf(view)) this.stage.scrubTo(focus.mark.at + view.windowMs / 2);
    this.stage.touch();
    return true;
  }

  private hitAt(x: number, y: number): Hit | null {
    const view = this.stage.view();
    const place = (mark: Mark) => this.place(mark);
    return (
      nearest(this.stage.lit(), view, place, x, y) ??
      nearest(this.picture.drawn(view), view, place, x, y)
    );
  }

  private place(mark: Mark): Place {
    return this.picture.place(mark, (time) => xOf(this.stage.view(), time));
  }
}
