import { Pacer } from "./pacer";

/** A wait shorter than this is left to the next animation frame. */
const TIMER_MS = 20;
/** A timer is set this much early, so that the animation frame after it comes in time. */
const EARLY_MS = 8;

/** Draws frames as often as is worth it: none while the page is hidden or there is nothing to draw. */
export class Loop {
  readonly pacer = new Pacer();
  private timer = 0;
  private request = 0;
  private asked = 0;
  private stopped = false;

  /** `draw` draws a frame; `next` says how long to wait for another, null if none is needed (milliseconds). */
  constructor(
    private readonly draw: () => void,
    private readonly next: (pacer: Pacer) => number | null,
  ) {}

  /** Something changed: draw at the next animation frame. */
  wake(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    this.ask();
  }

  /** Go on drawing if it had come to rest. */
  nudge(): void {
    if (this.timer === 0) this.ask();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    cancelAnimationFrame(this.request);
  }

  private ask(): void {
    if (this.stopped || this.request !== 0 || document.hidden) return;
    this.asked = performance.now();
    this.request = requestAnimationFrame(this.frame);
  }

  private readonly frame = (): void => {
    this.request = 0;
    const begun = performance.now();
    this.draw();
    this.pacer.note(begun, performance.now() - begun, begun - this.asked);
    const wait = this.next(this.pacer);
    if (wait === null || this.request !== 0 || this.timer !== 0) return;
    if (wait <= TIMER_MS) this.ask();
    else {
      this.timer = window.setTimeout(() => {
        this.timer = 0;
        this.ask();
      }, wait - EARLY_MS);
    }
  };
}
