/** Frame intervals that are used, in milliseconds: 60, 30, 15 and 7.5 frames a second. */
const STEPS = [16, 33, 66, 133] as const;
/** Part of the time that drawing may take. */
const SHARE = 0.05;
/** A frame that comes this late after it was asked for means that the machine is starved. */
const STARVED_MS = [40, 90] as const;
const SMOOTH = 0.1;
/** A frame that took longer was interrupted: its time says little about what drawing costs. */
const MOST_COST_MS = 12;
/** However dear frames are, what moves is drawn this often. */
const SLOWEST_MS = 66;

/** What the next frames have to show. */
export type Motion = "arcs" | "beats" | "scroll" | "calm";

/** Decides how long to wait until the next frame, so that drawing stays cheap and input comes first. */
export class Pacer {
  private cost = 0;
  private delay = 0;
  private readonly frames: number[] = [];

  /** Note a frame: what it cost, and how late it came after it was asked for; milliseconds. */
  note(at: number, cost: number, delay: number): void {
    this.cost += (Math.min(MOST_COST_MS, cost) - this.cost) * SMOOTH;
    this.delay += (Math.min(200, delay) - this.delay) * SMOOTH;
    this.frames.push(at);
    this.forget(at);
  }

  /** Frames drawn during the last second. */
  fps(at: number): number {
    this.forget(at);
    return this.frames.length;
  }

  /** Milliseconds from one frame to the next; `pxPerSecond` is how fast the view scrolls, in device pixels. */
  interval(motion: Motion, pxPerSecond: number): number {
    const scroll = 1000 / pxPerSecond;
    const wanted = { arcs: 16, beats: Math.min(33, scroll), scroll, calm: 66 }[motion];
    const starved = STARVED_MS.filter((limit) => this.delay > limit).length;
    const cheap = Math.min(SLOWEST_MS, this.cost / SHARE);
    const least = Math.max(wanted, cheap, STEPS[starved] ?? SLOWEST_MS);
    return STEPS.find((step) => step >= least - 1) ?? STEPS[STEPS.length - 1] ?? 133;
  }

  private forget(at: number): void {
    while ((this.frames[0] ?? at) < at - 1000) this.frames.shift();
  }
}
