/** Figures of the whole mesh, counted from what the page hears. */
import { LatencySeries, type Point, RateSeries } from "../series";
import { Slice } from "../slice";
import type { AgentState } from "./agents";
import type { Message } from "./message";

const EVERY_MS = 500;
const WINDOW_MS = 300_000;
const KEEP = 7_200;

export interface Stats {
  /** Messages a second, over the last three seconds. */
  readonly rate: number;
  /** Percentiles of the time that replies took, in ms, over five minutes; null if there were none. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly handoffs: number;
  readonly errors: number;
  readonly total: number;
  /** Messages a second, each of the last 60 seconds. */
  readonly spark: readonly number[];
}

/** How things stood at a moment. */
export interface Sample {
  readonly at: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** What waits, by agent. */
  readonly queued: ReadonlyMap<string, number>;
}

export class StatsStore {
  readonly slice = new Slice<Stats>({
    rate: 0,
    p50: null,
    p95: null,
    p99: null,
    handoffs: 0,
    errors: 0,
    total: 0,
    spark: [],
  });
  readonly rates = new RateSeries();
  readonly #latencies = new LatencySeries(WINDOW_MS);
  readonly #samples: Sample[] = [];
  #handoffs = 0;
  #errors = 0;
  #total = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Begin to publish; `agents` tells who is there. */
  open(agents: () => readonly AgentState[]): void {
    this.#timer = setInterval(() => this.#publish(agents()), EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Messages a second over the last `spanMs`, oldest first. */
  ratePoints(spanMs: number): Point[] {
    return this.rates.points(Date.now(), spanMs);
  }

  /** One sample a second of the last `spanMs`, oldest first. */
  samples(spanMs: number): readonly Sample[] {
    const from = Date.now() - spanMs;
    return this.#samples.filter((one) => one.at >= from);
  }

  /** Count what was said before the page was there, for the plots alone. */
  addPast(messages: readonly Message[]): void {
    for (const one of messages) {
      this.rates.add(one.at);
      if (one.latency !== null && one.kind === "reply") this.#latencies.add(one.at, one.latency);
    }
  }

  add(messages: readonly Message[]): void {
    this.addPast(messages);
    for (const one of messages) {
      if (one.kind === "handoff") this.#handoffs += 1;
      if (one.failed) this.#errors += 1;
    }
    this.#total += messages.length;
  }

  #publish(agents: readonly AgentState[]): void {
    const now = Date.now();
    const found = this.#latencies.percentiles(now);
    const { p50, p95, p99 } = found ?? { p50: null, p95: null, p99: null };
    const last = this.#samples.at(-1);
    if (!last || now - last.at >= 1_000) {
      const queued = new Map(agents.map((one) => [one.name, one.queued]));
      this.#samples.push({ at: now, p50, p95, p99, queued });
      if (this.#samples.length > KEEP * 1.1) this.#samples.splice(0, this.#samples.length - KEEP);
    }
    if (document.visibilityState === "hidden") return;
    this.slice.set({
      rate: this.rates.rate(now, 3_000),
      p50,
      p95,
      p99,
      handoffs: this.#handoffs,
      errors: this.#errors,
      total: this.#total,
      spark: this.rates.points(now, 60_000).map((point) => point.rate),
    });
  }
}
