/** What a slider says of its value. */
import { type RefObject, useLayoutEffect, useRef } from "react";

/** For the `inputRef` of a slider's thumb, which by itself says the bare number. */
export function useValueText(words: string): RefObject<HTMLInputElement | null> {
  const input = useRef<HTMLInputElement>(null);
  // After each render: the slider writes its own.
  useLayoutEffect(() => input.current?.setAttribute("aria-valuetext", words));
  return input;
}
