/** The live picture: a lane an agent, time from left to right. */
import { Users } from "lucide-react";
import { type CSSProperties, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { useMesh, useNow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { AXIS_PX, describe, type Hit, type Mark, type Stats, Swimlane } from "@/core/swimlane";
import { duration } from "@/core/text";
import { Avatar, Badge, StatusDot } from "@/kit";
import { useScheme } from "@/kit/colors";
import { type LaneInfo, type Lanes as LaneSet, lanesOf } from "./lanes";
import { laneTheme } from "./theme";
import "./lanes.css";

export interface LanesProps {
  readonly windowMs: number;
  readonly paused: boolean;
  readonly trace: string | null;
  readonly onTrace: (mark: Mark | null) => void;
  readonly onPause: (paused: boolean, right: number) => void;
  readonly onWindow?: (windowMs: number) => void;
  /** The time at the right edge while paused; null for wherever it was paused. */
  readonly scrub?: number | null;
}

const OLDEST_MS = 3_700_000;

export function Lanes(props: LanesProps) {
  const mesh = useMesh();
  const scheme = useScheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  const engine = useRef<Swimlane>(null);
  const latest = useRef(props);
  latest.current = props;
  const [hit, setHit] = useState<Hit | null>(null);
  const [said, setSaid] = useState("");
  const { lanes, leftOut } = useLanes();
  const labels = useRef(new Map<string, string>());
  labels.current = new Map(lanes.map((lane) => [lane.id, lane.label]));

  useEffect(() => {
    if (!canvas.current) return;
    const made = new Swimlane(canvas.current, {
      theme: laneTheme(true),
      onHover: setHit,
      onSelect: (mark) => latest.current.onTrace(mark),
      onDescribe: setSaid,
      onPause: (paused, right) => latest.current.onPause(paused, right),
      onWindow: (ms) => latest.current.onWindow?.(ms),
    });
    engine.current = made;
    const oldest = Date.now() - OLDEST_MS;
    made.add(mesh.marks.all.filter((mark) => mark.at > oldest));
    const untap = mesh.marks.tap((marks) => made.add(marks));
    const unbeat = mesh.agents.onBeat((token) => made.beat(token));
    return () => {
      untap();
      unbeat();
      engine.current = null;
      made.destroy();
    };
  }, [mesh]);

  useEffect(() => engine.current?.setTheme(laneTheme(scheme === "dark")), [scheme]);
  useEffect(() => engine.current?.setLanes(lanes), [lanes]);
  useEffect(() => engine.current?.setWindow(props.windowMs), [props.windowMs]);
  useEffect(() => engine.current?.select(props.trace), [props.trace]);
  useEffect(() => {
    if (!props.paused) engine.current?.resume();
    else if (props.scrub == null) engine.current?.pause();
    else engine.current?.scrubTo(props.scrub);
  }, [props.paused, props.scrub]);

  return (
    <div className="lanes">
      <ol className="lane-names" style={{ "--axis": `${AXIS_PX}px` } as CSSProperties}>
        {lanes.map((lane) => (
          <LaneName key={lane.id} lane={lane} isLow={lanes.length > 14} />
        ))}
      </ol>
      <div className="lane-canvas">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys move through it */}
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-roledescription="message flow"
          aria-label="Messages between agents. Arrow keys move from message to message, Enter follows one, Space pauses, plus and minus zoom. The same is in the table."
        />
        {leftOut > 0 && (
          <p className="lane-more num">
            {leftOut} more {leftOut === 1 ? "has" : "have"} no lane: see{" "}
            <Link href={`${paths.flow()}?view=table`}>the table</Link>
          </p>
        )}
        <DenseNote engine={engine} />
        {hit && <Tip hit={hit} name={(id) => labels.current.get(id) ?? id} />}
        <span className="hidden-label" aria-live="polite">
          {said}
        </span>
      </div>
    </div>
  );
}

/** The lanes, the same list until one comes or goes. */
function useLanes(): LaneSet {
  const mesh = useMesh();
  const agents = useSlice(mesh.agents.slice);
  const turn = useNow(2_000);
  const last = useRef<LaneSet>({ lanes: [], leftOut: 0 });
  // biome-ignore lint/correctness/useExhaustiveDependencies: marks are looked at every two seconds
  return useMemo(() => {
    const made = lanesOf(agents, mesh.marks.all.slice(-5_000));
    const before = last.current.lanes;
    const same =
      made.leftOut === last.current.leftOut &&
      made.lanes.length === before.length &&
      made.lanes.every(
        (lane, ix) => lane.id === before[ix]?.id && lane.agent === before[ix]?.agent,
      );
    if (!same) last.current = made;
    return last.current;
  }, [agents, mesh, turn]);
}

function LaneName({ lane, isLow }: { lane: LaneInfo; isLow: boolean }) {
  const { agent, label } = lane;
  const load = agent
    ? Math.min(1, (agent.running + agent.queued) / Math.max(1, agent.instances || 1))
    : 0;
  const size = isLow ? 18 : 24;
  return (
    <li className={agent && !agent.online ? "lane-name away" : "lane-name"}>
      {agent ? (
        <Avatar name={label} size={size} />
      ) : (
        <span className="lane-people">
          <Users size={14} aria-hidden="true" />
        </span>
      )}
      <span className="lane-text">
        <b className="truncate">{label}</b>
        {agent && !isLow && (
          <span className="lane-load" title={`${agent.running} at work, ${agent.queued} waiting`}>
            <i className={load >= 1 ? "full" : ""} style={{ "--load": load } as CSSProperties} />
          </span>
        )}
      </span>
      {agent && agent.queued > 0 && <span className="count num">{agent.queued}</span>}
      {agent && <StatusDot online={agent.online} busy={agent.running > 0} />}
    </li>
  );
}

function DenseNote({ engine }: { engine: React.RefObject<Swimlane | null> }) {
  const [stats, setStats] = useState<Stats | null>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const found = engine.current?.stats() ?? null;
      setStats((before) => (found?.dense || before?.dense ? found : before));
    }, 1_000);
    return () => clearInterval(timer);
  }, [engine]);
  if (!stats?.dense) return null;
  return (
    <p className="lane-dense num">
      {Math.round(stats.rate)}/s: bars show volume; errors, slow replies, people and some handoffs
      are drawn singly
    </p>
  );
}

function Tip({ hit, name }: { hit: Hit; name: (id: string) => string }) {
  const { mark, x, y } = hit;
  const took = mark.at - mark.began;
  return (
    <div
      className="lane-tip"
      style={{ "--x": `${x}px`, "--y": `${y}px` } as CSSProperties}
      aria-hidden="true"
    >
      <Badge tone={mark.failed ? "bad" : mark.kind}>{describe(mark).split(" ", 1)[0]}</Badge>
      <span>
        <b>{name(mark.from)}</b> → <b>{mark.to ? name(mark.to) : "everybody"}</b>
      </span>
      {took > 0 && <span className="muted num">{duration(took)}</span>}
    </div>
  );
}
