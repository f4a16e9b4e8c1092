/** How much has been said, place by place, since the person looked there; kept by the browser. */
import { useCallback, useEffect, useSyncExternalStore } from "react";
import { useMesh } from "@/app/hooks";
import { paths } from "@/app/places";
import type { Mesh } from "@/core/mesh/mesh";
import type { Message } from "@/core/mesh/message";
import { Slice } from "@/core/slice";
import { isByPerson, isForPeople, isToPerson } from "./said";

const KEY = "hubbub.read";
/** Up to when places that were never looked at count as read. */
const SINCE = "";

/** The places where a message is news to somebody: their addresses. */
export function placesOf(one: Message, me: string): string[] {
  if (one.isOpen || !isForPeople(one)) return [];
  if (isByPerson(one) && (one.user === me || one.kind !== "broadcast")) return [];
  const all = paths.channel("all");
  if (one.kind === "broadcast") return [all, paths.channel("announcements")];
  return isToPerson(one) ? [all, paths.direct(one.from)] : [];
}

class Unread {
  readonly counts = new Slice<ReadonlyMap<string, number>>(new Map(), 400);
  readonly #me: string;
  readonly #mesh: Mesh;
  #read: { [place: string]: number };

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
    this.#me = mesh.session.user ?? "";
    this.#read = stored();
    if (this.#read[SINCE] === undefined) this.#keep({ [SINCE]: Date.now() });
    mesh.feed.tap((messages) => this.#add(messages));
    mesh.loaded.subscribe(() => this.#countAnew());
    // Another tab has read something.
    window.addEventListener("storage", (event) => {
      if (event.key !== KEY) return;
      this.#read = stored();
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
    this.#read = { ...this.#read, ...change };
    localStorage.setItem(KEY, JSON.stringify(this.#read));
  }

  #countAnew(): void {
    this.counts.set(new Map());
    this.#add(this.#mesh.feed.slice.value.messages);
  }

  #add(messages: readonly Message[]): void {
    let counts: Map<string, number> | undefined;
    for (const one of messages) {
      for (const place of placesOf(one, this.#me)) {
        if (one.at <= this.readAt(place)) continue;
        counts ??= new Map(this.counts.value);
        counts.set(place, (counts.get(place) ?? 0) + 1);
      }
    }
    if (counts) this.counts.set(counts);
  }
}

function stored(): { [place: string]: number } {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as { [place: string]: number };
  } catch {
    return {};
  }
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
