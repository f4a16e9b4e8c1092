/** The slider: takes everything below it back to any event of the log, and plays it. */
import { Pause, Play, RotateCcw, SkipForward } from "lucide-react";
import { type CSSProperties, memo, useEffect, useState } from "react";
import { Slider, SliderThumb, SliderTrack } from "react-aria-components";
import { useMesh, useSlice } from "@/app/hooks";
import type { StoredEvent, Task } from "@/core/protocol";
import { clock } from "@/core/text";
import { Button, IconButton, Segmented } from "@/kit";
import { useValueText } from "@/kit/valueText";
import { RunFrom } from "./dialogs";
import { pauseAfter, SPEEDS, type Speed, toneOf } from "./playing";
import "./replay.css";

interface Props {
  task: Task;
  events: readonly StoredEvent[];
  point: number | null;
  onPoint: (point: number | null) => void;
}

export function Replay({ task, events, point, onPoint }: Props) {
  const mesh = useMesh();
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<Speed>("4");
  const [isAsking, setAsking] = useState(false);
  const { state: link } = useSlice(mesh.link);
  const count = events.length;
  const at = Math.min(point ?? count, count);
  const event = events[at - 1];

  useEffect(() => {
    if (!isPlaying) return;
    if (at >= count) {
      setPlaying(false);
      onPoint(null);
      return;
    }
    const timer = setTimeout(() => onPoint(at + 1), pauseAfter(events, at, Number(speed)));
    return () => clearTimeout(timer);
  }, [isPlaying, at, count, events, speed, onPoint]);

  const play = () => {
    if (!isPlaying && (point === null || at >= count)) onPoint(1);
    setPlaying(!isPlaying);
  };
  const back = () => {
    setPlaying(false);
    onPoint(null);
  };
  const move = (next: number) => {
    setPlaying(false);
    onPoint(next >= count ? null : next);
  };
  const words = event
    ? `event ${at} of ${count}, ${event.kind.replaceAll("_", " ")}, ${clock(Date.parse(event.at))}`
    : "";
  const input = useValueText(words);
  return (
    <div className={point === null ? "replay" : "replay past"}>
      <IconButton label={isPlaying ? "Pause" : "Play from the log"} look="plain" onPress={play}>
        {isPlaying ? <Pause size={15} /> : <Play size={15} />}
      </IconButton>
      <Slider
        className="replay-slider"
        aria-label="Point in the log"
        minValue={1}
        maxValue={count}
        step={1}
        value={at}
        onChange={(next) => move(Array.isArray(next) ? (next[0] ?? count) : next)}
      >
        <SliderTrack className="replay-track">
          <span className="replay-rail" aria-hidden="true">
            <span style={{ "--part": share(at, count) } as CSSProperties} />
          </span>
          <Marks events={events} />
          <SliderThumb className="replay-thumb" aria-label="Event" inputRef={input} />
        </SliderTrack>
      </Slider>
      <Segmented
        label="Speed"
        options={SPEEDS.map((id) => ({ id, name: `${id}×` }))}
        value={speed}
        onChange={setSpeed}
      />
      {point === null ? (
        <span className="replay-state muted num">{count} events</span>
      ) : (
        <div className="replay-state">
          <span className="num">
            As it was at <b>{event ? clock(Date.parse(event.at)) : "–"}</b>, event {at} of {count}
            {event && <span className="muted"> · {event.kind.replaceAll("_", " ")}</span>}
          </span>
          <Button onPress={back}>
            <SkipForward size={14} aria-hidden="true" /> Back to now
          </Button>
          <Button isDisabled={link === "offline"} onPress={() => setAsking(true)}>
            <RotateCcw size={14} aria-hidden="true" /> Run again from here
          </Button>
        </div>
      )}
      <RunFrom
        task={task}
        events={events}
        point={at}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
      />
    </div>
  );
}

const MOST_MARKS = 300;
const share = (at: number, count: number): number => (count < 2 ? 1 : (at - 1) / (count - 1));

/** Where what happened lies on the rail. */
const Marks = memo(function Marks({ events }: { events: readonly StoredEvent[] }) {
  if (events.length > MOST_MARKS) return null;
  return (
    <span className="replay-marks" aria-hidden="true">
      {events.map((event, index) => {
        const tone = toneOf(event.kind);
        if (!tone) return null;
        const style = {
          "--part": share(index + 1, events.length),
          "--tone": `var(--${tone})`,
        } as CSSProperties;
        return <i key={event.sequence} style={style} />;
      })}
    </span>
  );
});
