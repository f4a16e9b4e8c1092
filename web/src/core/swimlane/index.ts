export { describe, NAMES } from "./describe";
export { GLYPHS, type Glyph } from "./glyphs";
export { AXIS_PX, clock, duration, MARGIN_PX } from "./layout";
export { Swimlane } from "./swimlane";
export { chain, type Link } from "./trace";
export {
  type Hit,
  KINDS,
  type Kind,
  type Lane,
  MAX_WINDOW_MS,
  type Mark,
  MIN_WINDOW_MS,
  type Options,
  type Stats,
  type Theme,
} from "./types";
