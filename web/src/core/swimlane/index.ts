/**
 * The live swimlane. The page gives a canvas with `tabindex="0"`, a label and CSS for its size
 * (`touch-action: pan-y` where it can be dragged); lane labels beside it share the height above
 * the lowest `AXIS_PX`. It shows `onDescribe` in a polite live region.
 */
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
