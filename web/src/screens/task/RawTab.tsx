/** The log as it is stored. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { History, Search, X } from "lucide-react";
import { memo, useDeferredValue, useMemo, useRef, useState } from "react";
import { Input, SearchField } from "react-aria-components";
import type { StoredEvent } from "@/core/protocol";
import { clock, moment } from "@/core/text";
import { Button, Empty, IconButton, JsonView } from "@/kit";
import { toneOf } from "./playing";
import type { Shown } from "./useTask";
import "./raw.css";

const ROW = 28;
const SHOWN = 400;
const STEPS: { readonly [key: string]: number } = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: 15,
  PageUp: -15,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

export function RawTab({
  shown,
  onPoint,
}: {
  shown: Shown;
  onPoint: (point: number | null) => void;
}) {
  const { events, log } = shown;
  const [wanted, setWanted] = useState("");
  const [chosen, setChosen] = useState<number | null>(null);
  const box = useRef<HTMLDivElement>(null);
  // A long log takes its time to be searched: what is typed is not held up by that.
  const sought = useDeferredValue(wanted);
  const found = useMemo(() => searched(events, sought), [events, sought]);
  const rows = useVirtualizer({
    count: found.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 20,
  });
  const event = events.find((one) => one.sequence === chosen);
  const move = (by: number) => {
    const at = found.findIndex((one) => one.sequence === chosen);
    const next = Math.min(
      found.length - 1,
      Math.max(0, at < 0 && Number.isFinite(by) ? 0 : at + by),
    );
    const target = found[next];
    if (!target) return;
    setChosen(target.sequence);
    rows.scrollToIndex(next);
  };
  return (
    <div className="raw">
      <div className="raw-bar">
        <SearchField
          className="raw-search"
          aria-label="Search the log"
          value={wanted}
          onChange={setWanted}
        >
          <Search size={15} aria-hidden="true" />
          <Input className="input" placeholder="Kind or anything in the JSON …" />
        </SearchField>
        <span className="muted num">
          {found.length === events.length
            ? `${events.length} events`
            : `${found.length} of ${events.length} events`}
        </span>
      </div>
      <div className="raw-parts">
        <div
          ref={box}
          className="raw-rows scroll"
          role="listbox"
          aria-label="Events"
          tabIndex={0}
          aria-activedescendant={event ? `raw-${event.sequence}` : undefined}
          onKeyDown={(key) => {
            const by = STEPS[key.key];
            if (by === undefined) return;
            key.preventDefault();
            move(by);
          }}
        >
          {found.length === 0 && <Empty>No event has that in it.</Empty>}
          <div className="raw-list" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map((row) => {
              const one = found[row.index];
              if (!one) return null;
              return (
                <Row
                  key={one.sequence}
                  event={one}
                  isChosen={one.sequence === chosen}
                  top={row.start}
                  onChoose={() => setChosen(one.sequence)}
                />
              );
            })}
          </div>
        </div>
        {event && (
          <aside className="raw-detail scroll" aria-label="Event">
            <header>
              <code>{event.kind}</code>
              <span className="muted num">#{event.sequence}</span>
              <span className="grow" />
              <IconButton label="Close" onPress={() => setChosen(null)}>
                <X size={15} />
              </IconButton>
            </header>
            <p className="muted">{moment(event.at)}</p>
            <Button onPress={() => onPoint(pointOf(log.events, event))}>
              <History size={14} aria-hidden="true" /> Show the task as of here
            </Button>
            <Whole event={event} />
          </aside>
        )}
      </div>
    </div>
  );
}

/** It may be as large as a megabyte: it is written out once, not whenever the log grows. */
const Whole = memo(function Whole({ event }: { event: StoredEvent }) {
  return <JsonView value={event.data} />;
});

function Row({
  event,
  isChosen,
  top,
  onChoose,
}: {
  event: StoredEvent;
  isChosen: boolean;
  top: number;
  onChoose: () => void;
}) {
  const tone = toneOf(event.kind);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list moves by keyboard as a whole
    <div
      id={`raw-${event.sequence}`}
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      className="raw-row"
      style={{ transform: `translateY(${top}px)` }}
      onClick={onChoose}
    >
      <span className="num raw-sequence">{event.sequence}</span>
      <span className="num raw-at">{clock(Date.parse(event.at)) + event.at.slice(19, 23)}</span>
      <span className={`raw-kind tone-${tone ?? "none"}`}>{event.kind}</span>
      <span className="truncate mono raw-data">{brief(event)}</span>
    </div>
  );
}

const texts = new WeakMap<StoredEvent, string>();

/** The facts of an event as one text, written once. */
function json(event: StoredEvent): string {
  let text = texts.get(event);
  if (text === undefined) {
    text = JSON.stringify(event.data);
    texts.set(event, text);
  }
  return text;
}

/** The point of the log behind an event; null behind the last one: that is now. */
function pointOf(events: readonly StoredEvent[], event: StoredEvent): number | null {
  const point = events.indexOf(event) + 1;
  return point === 0 || point === events.length ? null : point;
}

const brief = (event: StoredEvent): string => json(event).slice(0, SHOWN);

function searched(events: readonly StoredEvent[], wanted: string): readonly StoredEvent[] {
  const words = wanted.trim().toLowerCase();
  if (!words) return events;
  return events.filter((event) => `${event.kind} ${json(event)}`.toLowerCase().includes(words));
}
