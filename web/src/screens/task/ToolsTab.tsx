/** Which tools the task used, how often and for how long. */
import { useMemo, useState } from "react";
import { duration } from "@/core/text";
import { Button, Empty } from "@/kit";
import { ToolCard } from "./chat/ToolCard";
import type { Shown } from "./useTask";
import type { ItemOf } from "./view";
import "./chat/chat.css";

const PAGE = 100;

export function ToolsTab({ shown }: { shown: Shown }) {
  const { items } = shown.view;
  const calls = useMemo(
    () => items.filter((item): item is ItemOf<"tool"> => item.kind === "tool"),
    [items],
  );
  const [only, setOnly] = useState("");
  const [most, setMost] = useState(PAGE);
  if (calls.length === 0) return <Empty>It has used no tools.</Empty>;
  const listed = only ? calls.filter((one) => one.name === only) : calls;
  return (
    <div className="task-body scroll">
      <table className="task-table">
        <thead>
          <tr>
            <th scope="col">Tool</th>
            <th scope="col" className="task-figure">
              Calls
            </th>
            <th scope="col" className="task-figure">
              Mean
            </th>
            <th scope="col" className="task-figure">
              In all
            </th>
          </tr>
        </thead>
        <tbody>
          {sums(calls).map((sum) => (
            <tr key={sum.name}>
              <th scope="row">
                <Button
                  look="quiet"
                  aria-pressed={only === sum.name}
                  onPress={() => setOnly(only === sum.name ? "" : sum.name)}
                >
                  <code>{sum.name}</code>
                </Button>
              </th>
              <td className="task-figure">
                {sum.calls}
                {sum.open > 0 && <span className="muted"> ({sum.open} open)</span>}
              </td>
              <td className="task-figure">
                {sum.calls > sum.open ? duration(sum.ms / (sum.calls - sum.open)) : "–"}
              </td>
              <td className="task-figure">{duration(sum.ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="task-cards">
        {listed.slice(0, most).map((item) => (
          <ToolCard key={item.sequence} item={item} />
        ))}
        {listed.length > most && (
          <Button onPress={() => setMost(most + PAGE)}>{listed.length - most} more</Button>
        )}
      </div>
    </div>
  );
}

interface Sum {
  readonly name: string;
  calls: number;
  open: number;
  ms: number;
}

function sums(calls: readonly ItemOf<"tool">[]): readonly Sum[] {
  const found = new Map<string, Sum>();
  for (const { name, at, endedAt } of calls) {
    const sum = found.get(name) ?? { name, calls: 0, open: 0, ms: 0 };
    sum.calls += 1;
    if (endedAt) sum.ms += Math.max(0, Date.parse(endedAt) - Date.parse(at));
    else sum.open += 1;
    found.set(name, sum);
  }
  return [...found.values()].sort((a, b) => b.ms - a.ms || b.calls - a.calls);
}
