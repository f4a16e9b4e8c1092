import { Bins } from "./bins";
import { isUrgent } from "./density";
import { MarkBuffer } from "./marks";
import type { Lane, Mark } from "./types";

/** As many as the page keeps for a view that is put up later. */
const ALL_CAP = 60_000;
/** Notable marks are kept longer than the rest, so that an hour of dense traffic still shows them. */
const NOTABLE_CAP = 20_000;
/** Of the handoffs, a sample is kept among the notable marks: at most one in this time. */
const SAMPLE_MS = 250;

/** What is known: the marks, their counts, and the lanes they go between. */
export class Board {
  readonly marks = new MarkBuffer(ALL_CAP);
  readonly notable = new MarkBuffer(NOTABLE_CAP);
  readonly bins = new Bins();
  /** Marks taken in since the start. */
  seen = 0;
  lanes: readonly Lane[] = [];
  private places = new Map<string, number>();
  private sampled = 0;

  setLanes(lanes: readonly Lane[]): void {
    this.lanes = lanes;
    this.places = new Map(lanes.map((lane, i) => [lane.id, i]));
    this.bins.retain(lanes.map((lane) => lane.id));
  }

  /** Lane of an agent, counted from the top; undefined if it has none. */
  laneOf(id: string): number | undefined {
    return this.places.get(id);
  }

  /** Name of an agent for people. */
  labelOf(id: string): string {
    const place = this.places.get(id);
    return (place === undefined ? undefined : this.lanes[place]?.label) ?? id;
  }

  /** Whether the mark touches a lane that is shown. */
  isShown(mark: Mark): boolean {
    return this.places.has(mark.from) || this.places.has(mark.to);
  }

  /** Take in marks. Returns the notable ones: those that are drawn singly even in dense parts. */
  add(marks: readonly Mark[]): Set<Mark> {
    const notable = marks.filter((mark) => isUrgent(mark) || this.isSample(mark));
    this.seen += marks.length;
    this.marks.add(marks);
    this.notable.add(notable);
    for (const mark of marks) this.bins.add(mark);
    return new Set(notable);
  }

  /** Marks of a trace that are still known, oldest first. */
  ofTrace(trace: string): Mark[] {
    const found = new Map<string, Mark>();
    for (const mark of this.notable.ofTrace(trace)) found.set(mark.id, mark);
    for (const mark of this.marks.ofTrace(trace)) found.set(mark.id, mark);
    return [...found.values()].sort((a, b) => a.at - b.at);
  }

  private isSample(mark: Mark): boolean {
    if (mark.kind !== "handoff" || Math.abs(mark.at - this.sampled) < SAMPLE_MS) return false;
    this.sampled = mark.at;
    return true;
  }
}
