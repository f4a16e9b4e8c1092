import type { Item } from "../view";

/** The line behind which something belongs that began after an event; -1 if there are no lines. */
export function placeOf(items: readonly Item[], after: number): number {
  const place = items.findLastIndex((item) => item.sequence <= after);
  return Math.max(place, Math.min(0, items.length - 1));
}
