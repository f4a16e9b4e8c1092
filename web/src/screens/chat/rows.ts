/** From messages to the rows of a list. */
import type { Message } from "@/core/mesh/message";
import type { Outgoing } from "@/core/mesh/outbox";
import type { Ask } from "./asks";
import { isByPerson, opensTask, speaker } from "./said";

export type Row =
  | { readonly kind: "day"; readonly key: string; readonly at: number }
  | { readonly kind: "new"; readonly key: string }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: Message;
      readonly isRich: boolean;
      /** Whether it goes on where the same one has just spoken. */
      readonly goesOn: boolean;
    }
  | { readonly kind: "outgoing"; readonly key: string; readonly outgoing: Outgoing }
  | { readonly kind: "ask"; readonly key: string; readonly ask: Ask };

export interface Shown {
  readonly messages: readonly Message[];
  readonly asks: readonly Ask[];
  readonly outgoing: readonly Outgoing[];
  /** What came between the two is new: it was not seen before the place was opened. */
  readonly newSince: number;
  readonly newUntil: number;
  readonly me: string;
  readonly isRich: (one: Message) => boolean;
}

const PAUSE_MS = 5 * 60_000;

export function rowsOf({ messages, asks, outgoing, newSince, newUntil, me, isRich }: Shown): Row[] {
  const rows: Row[] = [];
  let day = "";
  let isMarked = false;
  let last: Message | null = null;
  let asked = 0;
  const separate = (at: number): void => {
    const today = new Date(at).toDateString();
    if (today === day) return;
    // The first day needs no line of its own, unless it is not today.
    if (day !== "" || today !== new Date().toDateString())
      rows.push({ kind: "day", key: `day:${today}`, at });
    day = today;
    last = null;
  };
  const addAsk = (ask: Ask): void => {
    separate(ask.at);
    rows.push({ kind: "ask", key: `ask:${ask.id}`, ask });
    last = null;
  };
  for (const message of messages) {
    for (let ask = asks[asked]; ask && ask.at <= message.at; ask = asks[asked]) {
      addAsk(ask);
      asked += 1;
    }
    separate(message.at);
    if (!isMarked && message.at > newSince && !(isByPerson(message) && message.user === me)) {
      isMarked = true;
      if (message.at <= newUntil) {
        rows.push({ kind: "new", key: "new" });
        last = null;
      }
    }
    const rich = isRich(message);
    rows.push({
      kind: "message",
      key: message.key,
      message,
      isRich: rich,
      goesOn: rich && last !== null && follows(last, message),
    });
    last = rich ? message : null;
  }
  const late = [
    ...asks.slice(asked).map((ask) => ({ at: ask.at, add: () => addAsk(ask) })),
    ...outgoing.map((one) => ({
      at: one.at,
      add: () => rows.push({ kind: "outgoing", key: `outgoing:${one.id}`, outgoing: one }),
    })),
  ];
  for (const one of late.sort((a, b) => a.at - b.at)) one.add();
  return rows;
}

function follows(before: Message, message: Message): boolean {
  // Below what opens a task stands how that goes.
  if (opensTask(before)) return false;
  return (
    speaker(before).name === speaker(message).name &&
    before.to === message.to &&
    before.kind === message.kind &&
    message.at - before.at < PAUSE_MS
  );
}

/** What was held still, and what has been read in front of it since. */
export function withFront(
  held: readonly Message[],
  messages: readonly Message[],
): readonly Message[] {
  const first = held[0];
  if (!first) return messages;
  const place = messages.findIndex((one) => one.key === first.key);
  return place > 0 ? [...messages.slice(0, place), ...held] : held;
}

/** How many have come behind what is held still; not more than `most`. */
export function countBehind(
  held: readonly Message[],
  messages: readonly Message[],
  most: number,
): number {
  const last = held.at(-1);
  let count = 0;
  for (let place = messages.length - 1; place >= 0 && count < most; place -= 1) {
    if (last && messages[place]?.key === last.key) break;
    count += 1;
  }
  return count;
}
