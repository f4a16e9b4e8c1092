import { KINDS, type Kind, type Theme } from "./types";

/** A colour as the canvas takes it, and thinned out. */
export interface Ink {
  readonly solid: string;
  /** Part of the colour that a line begins with, far from its end. */
  readonly faint: string;
}

/** The theme, worked out once so that no painting code parses colours. */
export interface Palette extends Omit<Theme, "kinds"> {
  readonly kinds: Readonly<Record<Kind, Ink>>;
  /** The glow left of the now line: from nothing to a little of `now`. */
  readonly glowFrom: string;
  readonly glowTo: string;
}

const FAINT = 0.14;

/** Resolve a theme with the help of a canvas, which understands every CSS colour. */
export function paletteOf(theme: Theme): Palette {
  const fade = fader();
  const kinds = Object.fromEntries(
    KINDS.map((kind) => {
      const solid = theme.kinds[kind];
      return [kind, { solid, faint: fade(solid, FAINT) }];
    }),
  ) as Record<Kind, Ink>;
  return { ...theme, kinds, glowFrom: fade(theme.now, 0), glowTo: fade(theme.now, 0.16) };
}

function fader(): (colour: string, alpha: number) => string {
  const canvas = document.createElement("canvas");
  canvas.width = 1;
  canvas.height = 1;
  const g = context(canvas, { willReadFrequently: true });
  return (colour, alpha) => {
    g.clearRect(0, 0, 1, 1);
    g.fillStyle = colour;
    g.fillRect(0, 0, 1, 1);
    const [r = 0, green = 0, b = 0] = g.getImageData(0, 0, 1, 1).data;
    return `rgba(${r}, ${green}, ${b}, ${alpha})`;
  };
}

/** The canvas's 2d context. Raises if the browser has none. */
export function context(
  canvas: HTMLCanvasElement,
  settings?: CanvasRenderingContext2DSettings,
): CanvasRenderingContext2D {
  const g = canvas.getContext("2d", settings);
  if (g === null) throw new Error("This browser gives no 2d canvas: allow canvas for this page.");
  return g;
}
