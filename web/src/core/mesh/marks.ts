/** What the lanes show: messages, and what tasks do, each as one mark. */
import type { LogEvent } from "../protocol";
import type { Mark } from "../swimlane";
import { agentToken } from "../text";
import { isGateway } from "./gateway";
import type { Message } from "./message";

export const PEOPLE = "people";
/** A reply or completion that took longer is slow, in ms. */
export const SLOW_MS = 2_000;
const MOST = 60_000;

/** The mark of a message. */
export function markOfMessage(message: Message): Mark {
  const { kind, at, latency, failed, user } = message;
  const to = message.to === "" ? "" : agentToken(message.to);
  const isBack = kind === "reply" || kind === "completion";
  return {
    id: message.key,
    kind: failed ? "error" : kind,
    from: user ? PEOPLE : agentToken(message.from),
    to: isBack && isGateway(to) ? PEOPLE : to,
    at,
    began: at - (latency ?? 0),
    trace: message.context,
    failed,
    person: user !== "" || isGateway(to),
    slow: isBack && (latency ?? 0) > SLOW_MS,
  };
}

/** The mark of something that a task does; null for what is not drawn. */
export function markOfLog(event: LogEvent): Mark | null {
  const at = Date.parse(event.at);
  const base = { id: `${event.agent}:${event.seq}`, at, began: at, trace: event.context_id };
  const plain = { ...base, failed: false, person: false, slow: false };
  if (event.k === "ask")
    return { ...plain, kind: "question", from: event.agent, to: PEOPLE, person: true };
  if (event.k === "answer" && !event.pending)
    return { ...plain, kind: "answer", from: PEOPLE, to: event.agent, person: true };
  if (event.kind === "tool_call")
    return { ...plain, kind: "tool", from: event.agent, to: event.agent };
  return null;
}

/** The marks of late, for a view that is put up now, and those to come. */
export class MarkStore {
  #marks: Mark[] = [];
  readonly #seen = new Set<string>();
  readonly #taps = new Set<(marks: readonly Mark[]) => void>();

  get all(): readonly Mark[] {
    return this.#marks;
  }

  tap(listener: (marks: readonly Mark[]) => void): () => void {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  has(id: string): boolean {
    return this.#seen.has(id);
  }

  add(marks: readonly Mark[]): void {
    const fresh = marks.filter((mark) => !this.#seen.has(mark.id));
    if (fresh.length === 0) return;
    for (const mark of fresh) this.#seen.add(mark.id);
    this.#marks.push(...fresh);
    if (this.#marks.length > MOST * 1.2) {
      for (const old of this.#marks.splice(0, this.#marks.length - MOST)) this.#seen.delete(old.id);
    }
    for (const tap of this.#taps) tap(fresh);
  }
}
