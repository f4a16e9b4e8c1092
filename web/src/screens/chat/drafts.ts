/** What was typed and not sent, place by place, kept by the browser; and what was sent last. */
import { keep, kept } from "@/core/storage";

const KEY = "drafts";

export type Drafts = { readonly [place: string]: string };

const last = new Map<string, string>();

export const draftOf = (user: string, place: string): string =>
  kept<Drafts>(KEY, user, {})[place] ?? "";

/** Keep a draft; an empty one is forgotten. One that the browser has no room for is not kept. */
export function keepDraft(user: string, place: string, text: string): void {
  const { [place]: before = "", ...others } = kept<Drafts>(KEY, user, {});
  const next = text.trim() === "" ? "" : text;
  if (next !== before) keep(KEY, user, next === "" ? others : { ...others, [place]: next });
}

const placeOf = (user: string, place: string): string => `${user}\n${place}`;

export const lastSent = (user: string, place: string): string =>
  last.get(placeOf(user, place)) ?? "";
export const keepSent = (user: string, place: string, text: string): void =>
  void last.set(placeOf(user, place), text);
