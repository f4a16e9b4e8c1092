import { KINDS, type Kind, type Mark } from "./types";

/** The three resolutions in which marks are counted, and for how long each is kept. */
export const LEVELS = [
  { ms: 100, keep: 6_000 },
  { ms: 1_000, keep: 7_200 },
  { ms: 10_000, keep: 8_640 },
] as const;

export const KIND_COUNT = KINDS.length;
const KIND_INDEX = Object.fromEntries(KINDS.map((kind, i) => [kind, i])) as Record<Kind, number>;
const MOST_NAMES = 256;

interface Bin {
  index: number;
  total: number;
  /** Marks by lane slot and kind: `slot * KIND_COUNT + kind`. */
  counts: Uint32Array;
}

/** The kind that is counted: whatever failed counts as an error. */
export function countedKind(mark: Mark): Kind {
  return mark.failed ? "error" : mark.kind;
}

/** Counts of marks by time, lane and kind. Memory is bounded: bins are rings, and names are forgotten. */
export class Bins {
  private readonly rings: (Bin | undefined)[][] = LEVELS.map(() => []);
  private slots = new Map<string, number>();

  /** Count a mark: once in the total, and in the lanes of both its ends. */
  add(mark: Mark): void {
    const kind = KIND_INDEX[countedKind(mark)];
    const from = this.slot(mark.from);
    const to = mark.to === "" || mark.to === mark.from ? -1 : this.slot(mark.to);
    LEVELS.forEach((level, i) => {
      const bin = this.open(i, Math.floor(mark.at / level.ms));
      if (bin === undefined) return;
      bin.total++;
      this.count(bin, from, kind);
      this.count(bin, to, kind);
    });
  }

  /** Marks that arrived in [from, to), counted at the resolution of `level`; times are multiples of it. */
  total(level: number, from: number, to: number): number {
    const ms = LEVELS[level]?.ms ?? 0;
    let sum = 0;
    for (let i = Math.floor(from / ms); i * ms < to; i++) sum += this.get(level, i)?.total ?? 0;
    return sum;
  }

  /** Add the counts by kind of one lane in [from, to) to `into`. */
  lane(level: number, name: string, from: number, to: number, into: Float64Array): void {
    const slot = this.slots.get(name);
    const ms = LEVELS[level]?.ms ?? 0;
    if (slot === undefined) return;
    for (let i = Math.floor(from / ms); i * ms < to; i++) {
      const counts = this.get(level, i)?.counts;
      if (counts === undefined) continue;
      for (let k = 0; k < KIND_COUNT; k++) {
        into[k] = (into[k] ?? 0) + (counts[slot * KIND_COUNT + k] ?? 0);
      }
    }
  }

  /** Forget the counts of lanes that are not among `names` once too many names have been seen. */
  retain(names: readonly string[]): void {
    if (this.slots.size < MOST_NAMES / 2) return;
    const slots = new Map<string, number>();
    for (const name of names) if (slots.size < MOST_NAMES) slots.set(name, slots.size);
    for (const ring of this.rings) {
      for (const bin of ring) {
        if (bin === undefined) continue;
        const counts = new Uint32Array(slots.size * KIND_COUNT);
        for (const [name, slot] of slots) {
          const old = this.slots.get(name);
          if (old === undefined) continue;
          const row = bin.counts.subarray(old * KIND_COUNT, (old + 1) * KIND_COUNT);
          counts.set(row, slot * KIND_COUNT);
        }
        bin.counts = counts;
      }
    }
    this.slots = slots;
  }

  private slot(name: string): number {
    const known = this.slots.get(name);
    if (known !== undefined) return known;
    if (this.slots.size >= MOST_NAMES) return -1;
    this.slots.set(name, this.slots.size);
    return this.slots.size - 1;
  }

  private count(bin: Bin, slot: number, kind: number): void {
    if (slot < 0) return;
    const place = slot * KIND_COUNT + kind;
    if (place >= bin.counts.length) {
      const grown = new Uint32Array(Math.max(this.slots.size, slot + 4) * KIND_COUNT);
      grown.set(bin.counts);
      bin.counts = grown;
    }
    bin.counts[place] = (bin.counts[place] ?? 0) + 1;
  }

  private get(level: number, index: number): Bin | undefined {
    const keep = LEVELS[level]?.keep ?? 1;
    const bin = this.rings[level]?.[index % keep];
    return bin?.index === index ? bin : undefined;
  }

  /** The bin to count into; undefined if that time has been given up already. */
  private open(level: number, index: number): Bin | undefined {
    const ring = this.rings[level];
    const keep = LEVELS[level]?.keep ?? 1;
    if (ring === undefined) return undefined;
    const place = index % keep;
    const bin = ring[place];
    if (bin === undefined) {
      const made = { index, total: 0, counts: new Uint32Array(this.slots.size * KIND_COUNT) };
      while (ring.length < place) ring.push(undefined);
      ring[place] = made;
      return made;
    }
    if (bin.index > index) return undefined;
    if (bin.index < index) {
      bin.index = index;
      bin.total = 0;
      bin.counts.fill(0);
    }
    return bin;
  }
}
