/** What a mark is; each kind has its own colour (from the theme) and its own shape (see glyphs.ts). */
export const KINDS = [
  "request",
  "direct",
  "reply",
  "completion",
  "tool",
  "broadcast",
  "handoff",
  "question",
  "answer",
  "error",
] as const;
export type Kind = (typeof KINDS)[number];

/** One thing that happened. All times are milliseconds since the epoch, on the clock of `Options.now`. */
export interface Mark {
  readonly id: string;
  readonly kind: Kind;
  readonly from: string;
  /** The receiver; "" is everybody. */
  readonly to: string;
  /** When it arrived. */
  readonly at: number;
  /** When what it answers or hands over began; `at` if that is not known. */
  readonly began: number;
  /** The conversation it belongs to; "" if none. */
  readonly trace: string;
  readonly failed: boolean;
  /** A person said it, or it is for one. */
  readonly person: boolean;
  readonly slow: boolean;
}

export interface Lane {
  readonly id: string;
  readonly label: string;
}

/** Every colour the canvas uses, as any CSS colour that needs no custom property. */
export interface Theme {
  readonly kinds: Readonly<Record<Kind, string>>;
  /** Behind everything; opaque. */
  readonly background: string;
  /** Every second lane; opaque. */
  readonly band: string;
  /** The middle line of a lane. */
  readonly rule: string;
  /** Vertical lines at the ticks. */
  readonly grid: string;
  /** Text of the ticks and of lane names. */
  readonly label: string;
  /** Strong text: times along a selected chain. */
  readonly text: string;
  /** Behind that text. */
  readonly plate: string;
  /** The line at the right that is now, and its glow. */
  readonly now: string;
  /** Ring of a heartbeat. */
  readonly beat: string;
  /** Ring around the mark that has the keyboard's focus. */
  readonly focus: string;
  /** CSS font family of all text. */
  readonly font: string;
  /** True if highlights add light (dark theme), false if they only cover. */
  readonly glow: boolean;
}

export interface Hit {
  readonly mark: Mark;
  /** Place of the mark's end, in CSS pixels from the left and top of the canvas. */
  readonly x: number;
  readonly y: number;
}

export interface Options {
  readonly theme: Theme;
  /** The mark under the pointer or with the keyboard's focus; null when there is none. */
  readonly onHover: (hit: Hit | null) => void;
  /** A mark was chosen (its trace is lit), or null: the choice was cleared. */
  readonly onSelect: (mark: Mark | null) => void;
  /** Text for a live label whenever the keyboard's focus moves. */
  readonly onDescribe?: (text: string) => void;
  /** The view was paused (by Space or by dragging), resumed or scrubbed; `right` is its right edge. */
  readonly onPause?: (paused: boolean, right: number) => void;
  /** The window was zoomed with a key or the wheel; milliseconds. */
  readonly onWindow?: (windowMs: number) => void;
  /** Milliseconds since the epoch on the clock of the marks; `Date.now` if left out. */
  readonly now?: () => number;
  /** Lane names are painted inside the canvas (phones), not beside it. */
  readonly labels?: boolean;
}

export interface Stats {
  /** Marks drawn singly within the window. */
  readonly drawn: number;
  /** Marks taken in since the start. */
  readonly seen: number;
  /** The newest part of the view shows volume bars. */
  readonly dense: boolean;
  /** Canvas frames drawn during the last second. */
  readonly fps: number;
  /** Marks a second, over the last second. */
  readonly rate: number;
}

export const MIN_WINDOW_MS = 5_000;
export const MAX_WINDOW_MS = 3_600_000;
