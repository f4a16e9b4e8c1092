/** Text in full, or the beginning of a long one with what shows the rest. */
import { ChevronDown, ChevronUp } from "lucide-react";
import { createContext, useContext, useMemo, useRef, useState } from "react";
import { bytes } from "@/core/text";
import { Button } from "@/kit";
import { Markdown } from "@/kit/Markdown";
import { beginningOf, sizeOf } from "./folding";

/** Those that were unfolded: rows that are scrolled out of view and back are made anew. */
const unfolded = new Set<string>();

/** Hears that a text is about to be unfolded: a list that follows its end has to hold still. */
export const Unfolding = createContext<() => void>(() => {});

export interface FoldedProps {
  /** What it is remembered by. */
  id: string;
  text: string;
  /** Whether it is still being written: then all of it is shown, and stays so. */
  live?: boolean;
}

export function Folded({ id, text, live = false }: FoldedProps) {
  const onUnfold = useContext(Unfolding);
  const box = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(() => live || unfolded.has(id));
  const beginning = useMemo(() => (live ? null : beginningOf(text)), [text, live]);
  const size = useMemo(() => (beginning === null ? 0 : sizeOf(text)), [text, beginning]);
  if (beginning === null) return <Markdown text={text} live={live} />;
  const turn = () => {
    if (isOpen) unfolded.delete(id);
    else {
      unfolded.add(id);
      onUnfold();
    }
    setOpen(!isOpen);
    // Whoever has read to the end would otherwise be far below it.
    if (isOpen) requestAnimationFrame(() => box.current?.scrollIntoView({ block: "nearest" }));
  };
  return (
    <div ref={box} className={isOpen ? "folded open" : "folded"}>
      <Markdown text={isOpen ? text : beginning} />
      <Button look="quiet" onPress={turn} aria-expanded={isOpen}>
        {isOpen ? (
          <>
            <ChevronUp size={14} aria-hidden="true" /> Show less
          </>
        ) : (
          <>
            <ChevronDown size={14} aria-hidden="true" /> Show all ({bytes(size)})
          </>
        )}
      </Button>
    </div>
  );
}
