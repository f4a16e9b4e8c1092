/** How much is said, how fast answers come, and what piles up. */
import { useMemo, useState } from "react";
import { useMesh, useNow } from "@/app/hooks";
import { compact, duration } from "@/core/text";
import { Empty, Panel, Segmented } from "@/kit";
import { type Line, Plot } from "@/kit/Plot";

const SPANS = [
  { id: "600000", name: "10 min" },
  { id: "3600000", name: "1 h" },
  { id: "7200000", name: "2 h" },
] as const;

const QUEUE_COLORS = [
  "request",
  "handoff",
  "reply",
  "broadcast",
  "tool",
  "question",
  "direct",
  "completion",
];
/** As many as there are points to see on a wide screen. */
const POINTS = 720;

export function Figures() {
  const mesh = useMesh();
  const [span, setSpan] = useState<(typeof SPANS)[number]["id"]>("600000");
  const turn = useNow(2_000);
  // biome-ignore lint/correctness/useExhaustiveDependencies: counted anew every two seconds
  const rate = useMemo(() => {
    const points = mesh.stats.ratePoints(Number(span));
    const first = points.findIndex((point) => point.rate > 0);
    const shown = first < 0 ? [] : points.slice(Math.max(0, first - 2));
    return {
      times: shown.map((point) => point.at),
      lines: [{ name: "messages / s", color: "accent", values: shown.map((point) => point.rate) }],
    };
  }, [mesh, span, turn]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: counted anew every two seconds
  const { times, latency, queues } = useMemo(() => {
    const all = mesh.stats.samples(Number(span));
    const every = Math.max(1, Math.ceil(all.length / POINTS));
    const shown = all.filter((_, ix) => ix % every === 0);
    return {
      times: shown.map((one) => one.at),
      latency: [
        { name: "p50", color: "reply", values: shown.map((one) => one.p50) },
        { name: "p95", color: "handoff", values: shown.map((one) => one.p95) },
        { name: "p99", color: "bad", values: shown.map((one) => one.p99) },
      ],
      queues: queueLines(shown),
    };
  }, [mesh, span, turn]);
  const [first, now] = [Math.min(rate.times[0] ?? turn, times[0] ?? turn), turn];
  const range = [Math.max(first, now - Number(span)), now] as const;
  return (
    <div className="flow-figures scroll">
      <header>
        <Segmented label="Time shown" options={SPANS} value={span} onChange={setSpan} />
        <span className="muted">Counted by this page since it was opened.</span>
      </header>
      <Panel title="Messages a second">
        {rate.times.length < 2 ? (
          <Empty>Nothing has been said yet.</Empty>
        ) : (
          <Plot
            label="Messages a second"
            {...rate}
            range={range}
            format={(value) => (value < 10 ? value.toFixed(1) : compact(Math.round(value)))}
          />
        )}
      </Panel>
      <Panel title="How long replies take">
        {latency[0]?.values.some((value) => value !== null) ? (
          <Plot
            label="How long replies take"
            times={times}
            range={range}
            lines={latency}
            format={duration}
          />
        ) : (
          <Empty>No agent has answered a request yet.</Empty>
        )}
      </Panel>
      <Panel title="What waits, by agent">
        {queues.length > 0 ? (
          <Plot
            label="What waits, by agent"
            times={times}
            range={range}
            lines={queues}
            format={(value) => compact(Math.round(value))}
          />
        ) : (
          <Empty>Nothing waits: every agent keeps up.</Empty>
        )}
      </Panel>
    </div>
  );
}

/** The agents with the longest queues, as lines. */
export function queueLines(samples: readonly { queued: ReadonlyMap<string, number> }[]): Line[] {
  const most = new Map<string, number>();
  for (const { queued } of samples)
    for (const [name, count] of queued) most.set(name, Math.max(count, most.get(name) ?? 0));
  return [...most]
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, QUEUE_COLORS.length)
    .map(([name], ix) => ({
      name,
      color: QUEUE_COLORS[ix] ?? "accent",
      values: samples.map((one) => one.queued.get(name) ?? null),
    }));
}
