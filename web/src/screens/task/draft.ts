/** A view that is being made, and how it is added to. */
import type { Json, StoredEvent } from "@/core/protocol";
import { errorText, type Facts } from "./facts";
import type { Item, ItemOf, TaskView } from "./view";

export type Draft = { -readonly [field in keyof TaskView]: TaskView[field] } & {
  items: Item[];
  places: Map<string, number>;
};

export function add(draft: Draft, item: Item): void {
  draft.items.push(item);
}

export function place(draft: Draft, key: string, item: Item): void {
  // Who was put on record twice is shown once.
  if (draft.places.has(key) && item.kind !== "tool") return;
  draft.places.set(key, draft.items.length);
  draft.items.push(item);
}

export function change<K extends Item["kind"]>(
  draft: Draft,
  key: string,
  kind: K,
  make: (item: ItemOf<K>) => ItemOf<K>,
): boolean {
  const index = draft.places.get(key);
  const item = index === undefined ? undefined : draft.items[index];
  if (index === undefined || item?.kind !== kind) return false;
  draft.items[index] = make(item as ItemOf<K>);
  return true;
}

export function note(
  draft: Draft,
  { sequence, at, kind, data }: StoredEvent,
  said: string,
  isBad = false,
  shown: Facts | null = null,
): void {
  const error = isBad ? errorText(data.error) : "";
  add(draft, {
    sequence,
    at,
    kind: "note",
    name: kind,
    text: error ? `${said}: ${error}` : said,
    isBad,
    data: shown,
  });
}

export function use(draft: Draft, amounts: Facts | undefined): void {
  if (!amounts) return;
  const { usage } = draft;
  draft.usage = {
    requests: usage.requests + whole(amounts.requests),
    input: usage.input + whole(amounts.input_tokens),
    output: usage.output + whole(amounts.output_tokens),
  };
}

const whole = (value: Json | undefined): number =>
  typeof value === "number" && Number.isFinite(value) ? value : 0;
