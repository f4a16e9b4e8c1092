/** What was said on the mesh: the latest of it, in the order of time. */
import { Slice } from "../slice";
import { identity, type Message } from "./message";

const MOST = 10_000;
const EVERY_MS = 100;

export interface Feed {
  readonly messages: readonly Message[];
  /** Where the page before the first of them begins; null if there is none. */
  readonly before: string | null;
  /** How many have come since the page was opened. */
  readonly total: number;
}

export class FeedStore {
  readonly slice = new Slice<Feed>({ messages: [], before: null, total: 0 }, EVERY_MS);
  #messages: Message[] = [];
  #before: string | null = null;
  #total = 0;
  /** What the list last read has told: the socket may tell the last of it a moment later. */
  #told: ReadonlySet<string> = new Set();
  /** Replies that are still being written, by what they answer: where they are. */
  readonly #open = new Map<string, Message>();
  readonly #taps = new Set<(messages: readonly Message[]) => void>();
  readonly #followers = new Set<(messages: readonly Message[]) => void>();

  /** Hear every new message as it comes, and replies once more when all of them is there. */
  tap(listener: (messages: readonly Message[]) => void): () => void {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  /** Hear all that comes: new messages, and the pieces of replies that are being written. */
  follow(listener: (messages: readonly Message[]) => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  /** Take in messages; returns those that are no piece of one that is there. */
  add(messages: readonly Message[]): readonly Message[] {
    if (messages.length === 0) return messages;
    for (const follower of this.#followers) follower(messages);
    const fresh: Message[] = [];
    const whole: Message[] = [];
    for (const one of messages) {
      const open = one.kind === "reply" ? this.#open.get(one.inReplyTo) : undefined;
      if (this.#told.has(identity(one)) && !open) continue;
      if (open) {
        const grown = this.#grow(open, one);
        if (!grown.isOpen) whole.push(grown);
      } else {
        this.#messages.push(one);
        fresh.push(one);
        if (one.kind === "reply" && one.isOpen) this.#open.set(one.inReplyTo, one);
      }
    }
    this.#total += fresh.length;
    if (this.#messages.length > MOST * 1.25) this.#messages = this.#messages.slice(-MOST);
    if (this.#open.size > 1_000) this.#open.clear();
    this.#publish();
    for (const tap of this.#taps) tap([...fresh, ...whole]);
    return fresh;
  }

  /** Put the stored past in the place of what is there, and keep what came behind it. */
  reset(past: readonly Message[], before: string | null): void {
    const known = new Set(past.map(identity));
    this.#told = known;
    const last = past.at(-1)?.at ?? 0;
    const newer = this.#messages.filter((one) => one.at >= last && !known.has(identity(one)));
    this.#messages = [...past, ...newer];
    this.#before = before;
    this.#publish();
  }

  /** Put an older page in front. */
  prepend(past: readonly Message[], before: string | null): void {
    const known = new Set(this.#messages.map(identity));
    this.#messages = [...past.filter((one) => !known.has(identity(one))), ...this.#messages];
    this.#before = before;
    this.#publish();
  }

  #grow(open: Message, piece: Message): Message {
    const grown: Message = {
      ...open,
      text: open.text + piece.text,
      content: open.text + piece.text,
      isOpen: piece.isOpen,
      failed: piece.failed,
      latency: piece.latency ?? open.latency,
    };
    const at = this.#messages.lastIndexOf(open);
    if (at >= 0) this.#messages[at] = grown;
    if (grown.isOpen) this.#open.set(open.inReplyTo, grown);
    else this.#open.delete(open.inReplyTo);
    return grown;
  }

  #publish(): void {
    this.slice.set({
      messages: this.#messages.slice(-MOST),
      before: this.#before,
      total: this.#total,
    });
  }
}
