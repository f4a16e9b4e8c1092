/** What the pointer and the keyboard ask of a canvas; places are CSS pixels from its left and top. */
export interface Inputs {
  readonly hover: (x: number, y: number) => void;
  readonly leave: () => void;
  readonly click: (x: number, y: number) => void;
  /** The view was dragged by this many pixels to the right since the last call. */
  readonly drag: (dx: number) => void;
  /** Zoom closer (-1) or wider (1). */
  readonly zoom: (by: -1 | 1) => void;
  /** Returns whether the key was used. */
  readonly key: (key: string) => boolean;
  readonly focus: (has: boolean) => void;
  readonly visibility: (visible: boolean) => void;
}

/** A pointer that moved farther than this drags instead of clicking. */
const DRAG_PX = 5;

/** Listen on a canvas until the signal is aborted. */
export function listen(canvas: HTMLCanvasElement, inputs: Inputs, signal: AbortSignal): void {
  let pressed: { x: number; at: number; dragging: boolean } | null = null;
  const on = <K extends keyof HTMLElementEventMap>(
    type: K,
    handle: (event: HTMLElementEventMap[K]) => void,
  ) => canvas.addEventListener(type, handle, { signal, passive: type === "pointermove" });

  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    pressed = { x: event.offsetX, at: event.offsetX, dragging: false };
    canvas.setPointerCapture(event.pointerId);
  });
  on("pointermove", (event) => {
    if (pressed !== null && (pressed.dragging || Math.abs(event.offsetX - pressed.x) > DRAG_PX)) {
      pressed.dragging = true;
      inputs.drag(event.offsetX - pressed.at);
      pressed.at = event.offsetX;
      return;
    }
    inputs.hover(event.offsetX, event.offsetY);
  });
  on("pointerup", (event) => {
    if (pressed !== null && !pressed.dragging) inputs.click(event.offsetX, event.offsetY);
    pressed = null;
  });
  on("pointercancel", () => {
    pressed = null;
  });
  on("pointerleave", inputs.leave);
  on("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    inputs.zoom(event.deltaY > 0 ? 1 : -1);
  });
  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (inputs.key(event.key)) event.preventDefault();
  });
  on("focus", () => inputs.focus(canvas.matches(":focus-visible")));
  on("blur", () => inputs.focus(false));
  document.addEventListener("visibilitychange", () => inputs.visibility(!document.hidden), {
    signal,
  });
}
