/** What a message is to a reader. */
import { isGateway } from "@/core/mesh/gateway";
import type { Message } from "@/core/mesh/message";
import { agentToken } from "@/core/text";

const LONG = 280;

export const SHOWS = ["all", "people", "handoffs", "errors"] as const;
export type Show = (typeof SHOWS)[number];

export const asShow = (text: string | null): Show => SHOWS.find((one) => one === text) ?? "all";

export const isByPerson = ({ user, from }: Message): boolean => user !== "" || isGateway(from);

export const isToPerson = ({ to }: Message): boolean => isGateway(to);

export const isBetweenPeople = (one: Message): boolean => isByPerson(one) || isToPerson(one);

export const isForPeople = (one: Message): boolean =>
  one.kind === "broadcast" || isBetweenPeople(one);

/** Whether it is shown in full, and not as one line. */
export const isRich = (one: Message): boolean =>
  isForPeople(one) ||
  one.files.length > 0 ||
  (one.kind === "reply" && (one.isOpen || one.text.length > LONG));

/** Whether an agent, named by its token, has said or heard it. */
export const concerns = (one: Message, token: string): boolean =>
  agentToken(one.from) === token || agentToken(one.to) === token;

const once = <T>(judge: (one: Message) => T): ((one: Message) => T) => {
  const known = new WeakMap<Message, T>();
  return (one) => {
    let found = known.get(one);
    if (found === undefined) {
      found = judge(one);
      known.set(one, found);
    }
    return found;
  };
};

const isForPeopleOnce = once(isForPeople);

export const FILTERS: { readonly [show in Show]: (one: Message) => boolean } = {
  all: () => true,
  people: isForPeopleOnce,
  handoffs: (one) => one.kind === "handoff",
  errors: (one) => one.failed,
};

/** Who speaks: the name to show, and whether it is a person's. */
export function speaker(one: Message): { name: string; isPerson: boolean } {
  return isByPerson(one)
    ? { name: one.user || one.from, isPerson: true }
    : { name: one.from, isPerson: false };
}

/** Who is spoken to, as it is shown: those behind a gateway are people. */
export const listener = (one: Message): string => (isToPerson(one) ? "people" : one.to);

/** Whether a task comes of it. */
export const opensTask = (one: Message): boolean =>
  one.taskId !== "" && (one.kind === "direct" || one.kind === "handoff");

/** What stands for a message without words. */
export const wordless = (one: Message): string => (opensTask(one) ? "Started." : "(no text)");

/** What is fit to be shown as a structure rather than as text. */
export const isData = (one: Message): boolean =>
  one.content !== null && typeof one.content === "object";
