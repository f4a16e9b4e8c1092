import { clock, duration } from "./layout";
import type { Kind, Mark } from "./types";

/** The words for a kind: what it is called, and what "to" means for it. */
export const NAMES: Readonly<Record<Kind, string>> = {
  request: "Request",
  reply: "Reply",
  direct: "Direct",
  handoff: "Handoff",
  completion: "Completion",
  broadcast: "Broadcast",
  tool: "Tool call",
  question: "Question",
  answer: "Answer",
  error: "Error",
};

/** A mark in words, for people who hear the swimlane; `label` gives the name of an agent. */
export function describe(mark: Mark, label: (id: string) => string = (id) => id): string {
  const parts = [mark.kind === "direct" ? "Direct message" : NAMES[mark.kind]];
  if (mark.to === mark.from) parts.push(`in ${label(mark.from)}`);
  else {
    parts.push(`from ${label(mark.from)}`);
    parts.push(mark.to === "" ? "to everybody" : `to ${label(mark.to)}`);
  }
  parts.push(`at ${clock(mark.at)}`);
  if (mark.began < mark.at) parts.push(`after ${duration(mark.at - mark.began)}`);
  const notes = [];
  if (mark.failed && mark.kind !== "error") notes.push("Failed.");
  if (mark.slow) notes.push("Slow.");
  if (mark.person) notes.push("With a person.");
  return [`${parts.join(" ")}.`, ...notes].join(" ");
}
