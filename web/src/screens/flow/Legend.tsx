import type { CSSProperties } from "react";
import { KINDS, type Kind } from "@/core/swimlane";
import { NAMES } from "@/core/swimlane/describe";

const SHOWN: readonly Kind[] = KINDS.filter((kind) => kind !== "answer");

/** What the colours of the lanes stand for. */
export function Legend() {
  return (
    <ul className="legend" aria-label="Kinds of messages">
      {SHOWN.map((kind) => {
        const tone = kind === "error" ? "bad" : kind;
        return (
          <li key={kind} style={{ "--tone": `var(--${tone})` } as CSSProperties}>
            {NAMES[kind].toLowerCase()}
          </li>
        );
      })}
    </ul>
  );
}
