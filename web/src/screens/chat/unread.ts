/** How much has been said to a person, place by place, since they looked there; kept by the browser. */
import { useCallback, useEffect, useSyncExternalStore } from "react";
import { useMesh } from "@/app/hooks";
import { paths } from "@/app/places";
import type { Mesh } from "@/core/mesh/mesh";
import type { Message } from "@/core/mesh/message";
import { Slice } from "@/core/slice";
import { keep, kept } from "@/core/storage";
import { isByPerson, isToPerson } from "./said";

const KEY = "read";
/** Up to when places that were never looked at count as read. */
const SINCE = "";
const MOST_PLACES = 300;
const MOST_UNSURE = 500;

/** Whether the message or task of an id is the person's own; undefined if that is not known yet. */
export type IsMine = (id: string) => boolean | undefined;

/** The place where a message is news to somebody: its address. Empty if it is news nowhere, as what
 *  one says oneself and what others have set going; undefined if that is not known yet. */
export function newsAt(one: Message, me: string, isMine: IsMine): string | undefined {
  if (one.isOpen || (isByPerson(one) && one.user === me)) return "";
  if (one.kind === "broadcast") return paths.channel("announcements");
  if (isByPerson(one) || !isToPerson(one)) return "";
  if (one.kind === "direct" || one.kind === "handoff") return paths.direct(one.from);
  const isOurs = isMine(one.taskId || one.inReplyTo);
  return isOurs === undefined ? undefined : isOurs ? paths.direct(one.from) : "";
}

class Unread {
  readonly counts = new Slice<ReadonlyMap<string, number>>(new Map(), 400);
  readonly #me: string;
  readonly #mesh: Mesh;
  readonly #mine = new Set<string>();
  /** Ends of tasks of which it is not known yet whose they are. */
  #unsure: Message[] = [];
  #read: { [place: string]: number };

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
    this.#me = mesh.session.user ?? "";
    this.#read = kept(KEY, this.#me, {});
    if (this.#read[SINCE] === undefined) this.#keep({ [SINCE]: Date.now() });
    mesh.feed.tap((messages) => this.#add(messages));
    mesh.tasks.slice.subscribe(() => {
      const unsure = this.#unsure;
      this.#unsure = [];
      this.#add(unsure);
    });
    let { messages } = mesh.loaded.value;
    mesh.loaded.subscribe(() => {
      const now = mesh.loaded.value.messages;
      if (now !== messages) this.#countAnew();
      messages = now;
    });
    // Another tab has read something.
    window.addEventListener("storage", () => {
      const read = kept<{ [place: string]: number }>(KEY, this.#me, {});
      if (JSON.stringify(read) === JSON.stringify(this.#read)) return;
      this.#read = read;
      this.#countAnew();
    });
    this.#countAnew();
  }

  readAt(place: string): number {
    return this.#read[place] ?? this.#read[SINCE] ?? Date.now();
  }

  markRead(place: string, at: number): void {
    if (at <= this.readAt(place)) return;
    this.#keep({ [place]: at });
    if (!this.counts.value.has(place)) return;
    const counts = new Map(this.counts.value);
    counts.delete(place);
    this.counts.set(counts);
  }

  #keep(change: { [place: string]: number }): void {
    const all = Object.entries({ ...this.#read, ...change });
    const latest = all
      .filter(([place]) => place !== SINCE)
      .sort(([, a], [, b]) => b - a)
      .slice(0, MOST_PLACES);
    const since = all.filter(([place]) => place === SINCE);
    this.#read = Object.fromEntries([...since, ...latest]);
    keep(KEY, this.#me, this.#read);
  }

  #countAnew(): void {
    this.#mine.clear();
    this.#unsure = [];
    this.counts.set(this.#counted(this.#mesh.feed.slice.value.messages, new Map()));
  }

  #add(messages: readonly Message[]): void {
    if (messages.length > 0) this.counts.set(this.#counted(messages, this.counts.value));
  }

  #counted(
    messages: readonly Message[],
    before: ReadonlyMap<string, number>,
  ): ReadonlyMap<string, number> {
    let counts: Map<string, number> | undefined;
    for (const one of messages) {
      if (one.id && one.user === this.#me) this.#mine.add(one.id);
      const place = newsAt(one, this.#me, this.#isMine);
      if (place === undefined) this.#unsure = [...this.#unsure.slice(1 - MOST_UNSURE), one];
      if (!place || one.at <= this.readAt(place)) continue;
      counts ??= new Map(before);
      counts.set(place, (counts.get(place) ?? 0) + 1);
    }
    return counts ?? before;
  }

  readonly #isMine: IsMine = (id) => {
    if (this.#mine.has(id)) return true;
    const task = this.#mesh.tasks.get(id);
    // Who may not see everything is told of nothing but their own.
    return task ? task.owner === this.#me : this.#mesh.seesAll ? undefined : true;
  };
}

const stores = new WeakMap<Mesh, Unread>();

export function unreadOf(mesh: Mesh): Unread {
  let store = stores.get(mesh);
  if (!store) {
    store = new Unread(mesh);
    stores.set(mesh, store);
  }
  return store;
}

/** How many messages for people are unread at an address, such as `/dm/billing`. */
export function useUnread(place: string): number {
  const { counts } = unreadOf(useMesh());
  const read = useCallback(() => counts.shown().get(place) ?? 0, [counts, place]);
  return useSyncExternalStore(counts.subscribe, read);
}

/** Count a place as read up to the newest message, while it is looked at. */
export function useReading(place: string, newest: number, isLooking: boolean): void {
  const unread = unreadOf(useMesh());
  useEffect(() => {
    if (!isLooking || newest === 0) return;
    const mark = () => document.visibilityState === "visible" && unread.markRead(place, newest);
    mark();
    document.addEventListener("visibilitychange", mark);
    return () => document.removeEventListener("visibilitychange", mark);
  }, [unread, place, newest, isLooking]);
}
