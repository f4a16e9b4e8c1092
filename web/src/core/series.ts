/** Resolutions of the counters: milliseconds a point, and how many points are kept (the coarsest: 2 h). */
export const RESOLUTIONS = [
  { ms: 1_000, keep: 600 },
  { ms: 10_000, keep: 720 },
  { ms: 60_000, keep: 120 },
] as const;

export interface Point {
  /** When the point begins; milliseconds since the epoch. */
  readonly at: number;
  /** Events a second within it. */
  readonly rate: number;
}

/** Counts events by time: 10 min by seconds, 2 h by 10 s and by minutes. Memory does not grow. */
export class RateSeries {
  private readonly rings = RESOLUTIONS.map(({ keep }) => ({
    index: new Float64Array(keep).fill(-1),
    count: new Float64Array(keep),
  }));

  /** Count `count` events at a time; one that is older than what is kept is left out. */
  add(at: number, count = 1): void {
    RESOLUTIONS.forEach(({ ms, keep }, i) => {
      const ring = this.rings[i];
      if (ring === undefined) return;
      const index = Math.floor(at / ms);
      const place = index % keep;
      const held = ring.index[place] ?? -1;
      if (held > index) return;
      const before = held === index ? (ring.count[place] ?? 0) : 0;
      ring.index[place] = index;
      ring.count[place] = before + count;
    });
  }

  /** Events a second over the `windowMs` before `now`, without the second that is still filling. */
  rate(now: number, windowMs = 1_000): number {
    const end = Math.floor(now / 1_000);
    const seconds = Math.max(1, Math.round(windowMs / 1_000));
    let sum = 0;
    for (let i = end - seconds; i < end; i++) sum += this.count(0, i);
    return sum / seconds;
  }

  /** Points of the last `spanMs` before `now`, oldest first, at the finest resolution that still covers it. */
  points(now: number, spanMs: number): Point[] {
    const wanted = RESOLUTIONS.findIndex(({ ms, keep }) => ms * (keep - 1) >= spanMs);
    const level = wanted < 0 ? RESOLUTIONS.length - 1 : wanted;
    const { ms = 1, keep = 1 } = RESOLUTIONS[level] ?? {};
    const end = Math.floor(now / ms);
    const first = end - Math.min(keep - 1, Math.ceil(spanMs / ms));
    const points: Point[] = [];
    for (let i = first; i < end; i++) {
      points.push({ at: i * ms, rate: (this.count(level, i) * 1000) / ms });
    }
    return points;
  }

  private count(level: number, index: number): number {
    const ring = this.rings[level];
    const place = index % (RESOLUTIONS[level]?.keep ?? 1);
    return ring !== undefined && ring.index[place] === index ? (ring.count[place] ?? 0) : 0;
  }
}

/** Buckets grow by 10 %, from 0.1 ms to about 3 h: a percentile is off by 5 % at most. */
const GROWTH = 1.1;
const LEAST_MS = 0.1;
const BUCKETS = 192;

/** How often lengths of time occurred, in buckets that grow with the length. */
export class Histogram {
  readonly counts = new Uint32Array(BUCKETS);
  total = 0;

  /** Count a length of time; milliseconds. */
  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log(GROWTH));
    const place = Math.min(BUCKETS - 1, Math.max(0, bucket));
    this.counts[place] = (this.counts[place] ?? 0) + 1;
    this.total++;
  }

  merge(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++)
      this.counts[i] = (this.counts[i] ?? 0) + (other.counts[i] ?? 0);
    this.total += other.total;
  }

  clear(): void {
    this.counts.fill(0);
    this.total = 0;
  }

  /** The length that `part` (0 … 1) of all stay at or below, in milliseconds; null if there are none. */
  percentile(part: number): number | null {
    if (this.total === 0) return null;
    const wanted = Math.max(1, Math.ceil(part * this.total));
    let sum = 0;
    for (let i = 0; i < BUCKETS; i++) {
      sum += this.counts[i] ?? 0;
      if (sum >= wanted) return LEAST_MS * GROWTH ** (i === 0 ? 0 : i - 0.5);
    }
    return LEAST_MS * GROWTH ** (BUCKETS - 1);
  }
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** How many lengths of time they are of. */
  readonly count: number;
}

/** Percentiles over a sliding window: one histogram a second, merged when asked. */
export class LatencySeries {
  private readonly seconds: { index: number; histogram: Histogram }[];

  /** Keep this much time; milliseconds, rounded up to seconds. */
  constructor(windowMs = 60_000) {
    const keep = Math.max(1, Math.ceil(windowMs / 1_000));
    this.seconds = Array.from({ length: keep }, () => ({ index: -1, histogram: new Histogram() }));
  }

  /** Note that something that took `ms` was over at `at`; both milliseconds. */
  add(at: number, ms: number): void {
    const index = Math.floor(at / 1_000);
    const second = this.seconds[index % this.seconds.length];
    if (second === undefined || second.index > index) return;
    if (second.index < index) {
      second.index = index;
      second.histogram.clear();
    }
    second.histogram.add(ms);
  }

  /** Percentiles of the window that ends at `now`; null if it is empty. */
  percentiles(now: number): Percentiles | null {
    const end = Math.floor(now / 1_000);
    const all = new Histogram();
    for (const { index, histogram } of this.seconds) {
      if (index > end - this.seconds.length && index <= end) all.merge(histogram);
    }
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((part) => all.percentile(part));
    if (p50 == null || p95 == null || p99 == null) return null;
    return { p50, p95, p99, count: all.total };
  }
}
