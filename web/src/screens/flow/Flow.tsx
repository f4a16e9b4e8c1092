/** Who talks to whom, over time: as lanes, as a table, as figures. */
import { Pause, Play, Waypoints, X } from "lucide-react";
import { useState } from "react";
import { Slider, SliderThumb, SliderTrack } from "react-aria-components";
import { useSearchParams } from "wouter";
import { useMesh, useNarrow, useNow, useSlice } from "@/app/hooks";
import { clock, day } from "@/core/text";
import { Button, Empty, IconButton, Segmented } from "@/kit";
import { useValueText } from "@/kit/valueText";
import { Figures } from "./Figures";
import { Lanes } from "./Lanes";
import { Legend } from "./Legend";
import { MarkTable } from "./MarkTable";
import { firstOf } from "./rows";
import { Trace } from "./Trace";
import { WINDOWS } from "./windows";
import "./flow.css";

const VIEWS = [
  { id: "lanes", name: "Lanes" },
  { id: "table", name: "Table" },
  { id: "figures", name: "Figures" },
] as const;

type View = (typeof VIEWS)[number]["id"];

const REACH_MS = 3_600_000;

export function Flow() {
  const [search, setSearch] = useSearchParams();
  const view = (VIEWS.find((one) => one.id === search.get("view"))?.id ?? "lanes") as View;
  const trace = search.get("trace");
  const narrow = useNarrow();
  const [windowMs, setWindow] = useState(narrow ? 12_000 : 30_000);
  const [scrub, setScrub] = useState<number | null>(null);
  const change = (name: string, value: string | null) =>
    setSearch((before) => {
      const next = new URLSearchParams(before);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    });
  return (
    <div className="screen flow">
      <header className="screen-head">
        <h1>Flow</h1>
        <Segmented
          label="View"
          options={VIEWS}
          value={view}
          onChange={(id) => change("view", id === "lanes" ? null : id)}
        />
        {view === "lanes" && (
          <>
            <Legend />
            <Segmented
              label="Time shown"
              options={WINDOWS}
              value={String(windowMs)}
              onChange={(id) => setWindow(Number(id))}
            />
            <Button onPress={() => setScrub(scrub === null ? Date.now() : null)}>
              {scrub === null ? <Pause size={15} /> : <Play size={15} />}
              {scrub === null ? "Pause" : "Go on"}
            </Button>
          </>
        )}
      </header>
      {scrub !== null && view === "lanes" && <Scrubber at={scrub} onChange={setScrub} />}
      <div className="flow-body">
        {view === "lanes" && (
          <LanesOrNothing
            windowMs={windowMs}
            scrub={scrub}
            trace={trace}
            onScrub={setScrub}
            onWindow={setWindow}
            onTrace={(found) => change("trace", found)}
          />
        )}
        {view === "table" && (
          <MarkTable trace={trace} onTrace={(found) => change("trace", found)} />
        )}
        {view === "figures" && <Figures />}
        {trace && view !== "figures" && (
          <aside className="flow-trace" aria-label="One conversation">
            <header>
              <h2>One conversation</h2>
              <IconButton label="Show everything" onPress={() => change("trace", null)}>
                <X size={16} />
              </IconButton>
            </header>
            <Trace trace={trace} />
          </aside>
        )}
      </div>
    </div>
  );
}

function LanesOrNothing(props: {
  windowMs: number;
  scrub: number | null;
  trace: string | null;
  onScrub: (right: number | null) => void;
  onWindow: (ms: number) => void;
  onTrace: (trace: string | null) => void;
}) {
  const mesh = useMesh();
  const agents = useSlice(mesh.agents.slice);
  if (agents.length === 0 && mesh.marks.all.length === 0)
    return (
      <Empty icon={<Waypoints size={40} />} command="hubbub demo">
        Nobody has joined this mesh yet, so nobody talks.
      </Empty>
    );
  return (
    <Lanes
      windowMs={props.windowMs}
      paused={props.scrub !== null}
      scrub={props.scrub}
      trace={props.trace}
      onTrace={(mark) => props.onTrace(mark?.trace || null)}
      onPause={(paused, right) => props.onScrub(paused ? right : null)}
      onWindow={props.onWindow}
    />
  );
}

/** Moves the right edge of the lanes through what the page has kept. */
function Scrubber({ at, onChange }: { at: number; onChange: (at: number) => void }) {
  const mesh = useMesh();
  const now = useNow(1_000);
  const first = Math.max(firstOf(mesh.marks.all, now), now - REACH_MS);
  const words = `${day(at)}, ${clock(at)}`;
  const input = useValueText(words);
  return (
    <div className="scrubber">
      <Slider
        aria-label="Time at the right edge"
        minValue={first}
        maxValue={Math.max(now, first + 1)}
        step={250}
        value={Math.min(at, now)}
        onChange={(value) => onChange(value as number)}
      >
        <SliderTrack className="slider-track">
          <SliderThumb className="slider-thumb" inputRef={input} />
        </SliderTrack>
      </Slider>
      <output className="num">{words}</output>
    </div>
  );
}
