/** A tool at work: what it was called with, and what came of it. */
import { LoaderCircle, Wrench } from "lucide-react";
import type { Json } from "@/core/protocol";
import { brief, duration, textOf } from "@/core/text";
import type { ItemOf } from "../view";
import { Fold } from "./Fold";
import { Time } from "./Time";

export function ToolCard({ item }: { item: ItemOf<"tool"> }) {
  const { name, at, endedAt, arguments: given, result } = item;
  const took = endedAt ? Date.parse(endedAt) - Date.parse(at) : null;
  return (
    <div className="tlog-tool-card">
      <header>
        <span className="tlog-tool-icon" aria-hidden="true">
          {endedAt ? <Wrench size={14} /> : <LoaderCircle size={14} className="tlog-spin" />}
        </span>
        <code className="tlog-tool-name">{name}</code>
        <span className="tlog-tool-given truncate mono">{inShort(given)}</span>
        <span className="muted num">{took === null ? "runs" : took > 0 ? duration(took) : ""}</span>
        <Time at={at} />
      </header>
      <div className="tlog-tool-more">
        {endedAt && (
          <p className="truncate">
            <span className="muted">→</span>{" "}
            {result === null ? <span className="muted">nothing</span> : brief(textOf(result), 200)}
          </p>
        )}
        {given !== null && <Fold label="arguments" value={given} />}
        {endedAt && result !== null && <Fold label="result" value={result} />}
      </div>
    </div>
  );
}

function inShort(given: Json): string {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return given === null ? "" : brief(textOf(given), 120);
  return brief(
    Object.entries(given)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(" "),
    160,
  );
}
