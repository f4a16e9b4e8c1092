/** Everything at a glance: how much is said, who talks to whom, and what waits for a person. */
import { Pause, Play, Waypoints } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useMesh, useNarrow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { compact, duration } from "@/core/text";
import { CopyText, Empty, Failure, IconButton, Segmented, Skeleton } from "@/kit";
import { Sparkline } from "@/kit/Sparkline";
import { Lanes } from "@/screens/flow/Lanes";
import { Legend } from "@/screens/flow/Legend";
import { WINDOWS } from "@/screens/flow/windows";
import { Lately } from "./Lately";
import { Waiting } from "./Waiting";
import "./home.css";

export function Home() {
  const narrow = useNarrow();
  return (
    <div className="home">
      <h1 className="hidden-label">Home</h1>
      <Figures />
      <div className="home-body">
        <LiveFlow />
        <aside className="home-side scroll" aria-label="What waits, and what was said">
          <Waiting />
          {!narrow && <Lately />}
        </aside>
      </div>
    </div>
  );
}

function Figures() {
  const { rate, p50, p95, handoffs, errors, total, spark } = useSlice(useMesh().stats.slice);
  const ms = (value: number | null) => (value === null ? "–" : duration(value));
  return (
    <dl className="figures">
      <div className="figure main-figure">
        <dt>messages / s</dt>
        <dd className="num">{rate < 10 ? rate.toFixed(1) : compact(Math.round(rate))}</dd>
        <Sparkline values={spark} />
      </div>
      <Figure name="p50 reply" value={ms(p50)} />
      <Figure name="p95 reply" value={ms(p95)} />
      <Figure name="handoffs" value={compact(handoffs)} />
      <Figure name="errors" value={compact(errors)} bad={errors > 0} />
      <Figure name="messages" value={compact(total)} exact={total} />
    </dl>
  );
}

function Figure({
  name,
  value,
  exact,
  bad = false,
}: {
  name: string;
  value: string;
  exact?: number;
  bad?: boolean;
}) {
  return (
    <div className={bad ? "figure bad" : "figure"}>
      <dt>{name}</dt>
      <dd className="num" title={exact?.toLocaleString("en")}>
        {value}
      </dd>
    </div>
  );
}

function LiveFlow() {
  const mesh = useMesh();
  const [, go] = useLocation();
  const narrow = useNarrow();
  const [windowMs, setWindow] = useState(narrow ? 5_000 : 12_000);
  const [paused, setPaused] = useState(false);
  const agents = useSlice(mesh.agents.slice);
  const { agents: loaded } = useSlice(mesh.loaded);
  return (
    <section className="home-flow" aria-label="Live flow">
      <header>
        <h2>Live flow</h2>
        <Legend />
        <Segmented
          label="Time shown"
          options={WINDOWS.slice(0, 3)}
          value={String(windowMs)}
          onChange={(id) => setWindow(Number(id))}
        />
        <IconButton label={paused ? "Go on" : "Pause"} onPress={() => setPaused(!paused)}>
          {paused ? <Play size={16} /> : <Pause size={16} />}
        </IconButton>
        <Link className="button quiet icon" href={paths.flow()} aria-label="Open the whole flow">
          <Waypoints size={16} aria-hidden="true" />
        </Link>
      </header>
      {loaded?.problem && agents.length === 0 ? (
        <Failure problem={loaded.problem} onRetry={() => mesh.refresh()} />
      ) : !loaded ? (
        <Skeleton lines={8} />
      ) : agents.length === 0 && mesh.marks.all.length === 0 ? (
        <Empty icon={<Waypoints size={40} />}>
          Nobody has joined this mesh yet. Start an agent, and it is here at once:
          <br />
          <CopyText text="hubbub run examples/first_agent.py" />
        </Empty>
      ) : (
        <Lanes
          windowMs={windowMs}
          paused={paused}
          trace={null}
          onTrace={(mark) => mark?.trace && go(paths.flow(mark.trace))}
          onPause={setPaused}
          onWindow={setWindow}
        />
      )}
    </section>
  );
}
