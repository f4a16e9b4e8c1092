/** Keys that act on a whole part of the page, as long as nobody writes in it. */
import { type RefObject, useEffect, useRef } from "react";

/** Hear the keys that go down within an element; if `isFirst`, before whatever is in it does. */
export function useKeys(
  element: RefObject<HTMLElement | null>,
  hear: (event: KeyboardEvent) => void,
  isFirst = false,
): void {
  const latest = useRef(hear);
  useEffect(() => {
    latest.current = hear;
  });
  useEffect(() => {
    const target = element.current;
    if (!target) return;
    const onKey = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && !event.isComposing) latest.current(event);
    };
    target.addEventListener("keydown", onKey, isFirst);
    return () => target.removeEventListener("keydown", onKey, isFirst);
  }, [element, isFirst]);
}

const NO_TEXT: ReadonlySet<string> = new Set(["radio", "checkbox", "button", "submit", "range"]);

/** Whether keys that go down there write text. */
export function isTextField(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  if (target instanceof HTMLInputElement) return !NO_TEXT.has(target.type);
  return target instanceof HTMLElement && target.isContentEditable;
}

/** Whether it is a key by itself, pressed once. */
export function isPlain(event: KeyboardEvent): boolean {
  return !(event.ctrlKey || event.metaKey || event.altKey || event.repeat);
}

/** 0 for the key `1`, up to 8; -1 for any other. */
export function digitOf(event: KeyboardEvent): number {
  return /^[1-9]$/.test(event.key) && isPlain(event) ? Number(event.key) - 1 : -1;
}

/** Whether Enter there already does something else: it presses a button, or follows a link. */
export function takesEnter(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a[href], summary") !== null;
}
