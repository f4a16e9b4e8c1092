/** The colours of the lanes, from the page's tokens. */
import type { Theme } from "@/core/swimlane";
import { colorsOf } from "@/kit/colors";

const TOKENS = [
  "request",
  "reply",
  "direct",
  "handoff",
  "completion",
  "broadcast",
  "tool",
  "question",
  "ok",
  "bad",
  "bg",
  "lane",
  "surface",
  "line",
  "line-strong",
  "text",
  "text-2",
  "text-3",
  "accent",
] as const;

export function laneTheme(isDark: boolean): Theme {
  const found = colorsOf(TOKENS);
  return {
    kinds: {
      request: found.request,
      reply: found.reply,
      direct: found.direct,
      handoff: found.handoff,
      completion: found.completion,
      broadcast: found.broadcast,
      tool: found.tool,
      question: found.question,
      answer: found.question,
      error: found.bad,
    },
    background: found.bg,
    band: found.lane,
    rule: found.line,
    grid: found.line,
    label: found["text-3"],
    text: found.text,
    plate: found.surface,
    now: found.accent,
    beat: found.ok,
    focus: found.accent,
    font: '"Inter Variable", sans-serif',
    glow: isDark,
  };
}
