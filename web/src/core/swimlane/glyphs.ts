import type { Kind } from "./types";

/** The shape of a kind, as an SVG path about the origin within 6 units; stroked 2 units wide unless filled. */
export interface Glyph {
  readonly path: string;
  readonly filled: boolean;
}

const circle = (r: number) => `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`;
const diamond = (r: number) => `M0 ${-r}L${r} 0L0 ${r}L${-r} 0Z`;

/** One table for the canvas and for legends, so that both show the same shapes. */
export const GLYPHS: Readonly<Record<Kind, Glyph>> = {
  request: { path: "M-3.2 -3.4L3.6 0L-3.2 3.4Z", filled: true },
  direct: { path: circle(2.6), filled: false },
  reply: { path: "M-2.8 -2.8H2.8V2.8H-2.8Z", filled: true },
  completion: { path: "M-4.2 0.2L-1.2 3.2L4.2 -3.2", filled: false },
  tool: { path: "M0 -5V5", filled: false },
  broadcast: { path: `M0 -6V6${circle(1.6)}`, filled: false },
  handoff: { path: circle(4), filled: true },
  question: { path: diamond(6), filled: true },
  answer: { path: diamond(5), filled: false },
  error: { path: "M-3.8 -3.8L3.8 3.8M3.8 -3.8L-3.8 3.8", filled: false },
};
