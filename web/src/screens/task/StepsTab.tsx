/** What the task did when: bars on an axis of time, and where it only waited. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, useMemo, useRef, useState } from "react";
import { Button, Tooltip, TooltipTrigger } from "react-aria-components";
import { useNarrow, useNow } from "@/app/hooks";
import type { Task } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { clock, duration, moment } from "@/core/text";
import { Empty, Segmented } from "@/kit";
import { marksOf } from "./axis";
import { courseOf, type Scale, type Span, type Stretch, scaleOf, totals } from "./spans";
import type { Shown } from "./useTask";
import "./steps.css";

const ROW = 30;

const KIND_NAMES: { readonly [kind in Span["kind"]]: string } = {
  step: "step",
  request: "request",
  model: "model",
  tool: "tool",
  question: "question",
  sleep: "sleep",
  task: "task",
};

const STRETCH_NAMES: { readonly [kind in Stretch["kind"]]: string } = {
  work: "works",
  worker: "waits for a worker",
  person: "waits for a person",
  time: "waits for a time or another task",
  retry: "waits for its next attempt",
};

export function StepsTab({ task, shown }: { task: Task; shown: Shown }) {
  const { events, view, point } = shown;
  const course = useMemo(() => courseOf(events, task.created_at), [events, task.created_at]);
  const [isSqueezed, setSqueezed] = useState(true);
  const clockNow = useNow(1_000);
  const isOver = FINAL_STATES.has(view.state);
  const last = Date.parse(view.at);
  const now = point !== null || isOver ? last : Math.max(clockNow, last);
  const scale = useMemo(
    () => scaleOf(course.stretches, now, isSqueezed),
    [course, now, isSqueezed],
  );
  const { work, wait } = totals(course.stretches, now);
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: course.spans.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  if (course.stretches.length === 0)
    return <Empty>Nothing has happened yet: no worker has taken the task.</Empty>;
  return (
    <div className="steps">
      <div className="steps-sum">
        <span>
          <i className="steps-key work" aria-hidden="true" /> worked <b>{duration(work)}</b>
        </span>
        <span>
          <i className="steps-key wait" aria-hidden="true" /> waited <b>{duration(wait)}</b>
        </span>
        <Segmented
          label="How waiting is drawn"
          options={[
            { id: "short", name: "Waits drawn short" },
            { id: "true", name: "True to scale" },
          ]}
          value={isSqueezed ? "short" : "true"}
          onChange={(how) => setSqueezed(how === "short")}
        />
      </div>
      <div className="steps-axis" aria-hidden="true">
        <Axis scale={scale} stretches={course.stretches} now={now} />
      </div>
      <div ref={box} className="steps-rows scroll">
        <div className="steps-ground" aria-hidden="true">
          <div className="steps-lane">
            {course.stretches.map((one) => (
              <i
                key={`${one.kind} ${one.from} ${one.to}`}
                className={`steps-stretch ${one.kind}`}
                style={placed(scale, one.from, one.to ?? now)}
                title={`${STRETCH_NAMES[one.kind]}, ${duration((one.to ?? now) - one.from)}`}
              />
            ))}
          </div>
        </div>
        <ul
          className="steps-list"
          aria-label="What the task did"
          style={{ height: rows.getTotalSize() }}
        >
          {rows.getVirtualItems().map((row) => {
            const span = course.spans[row.index];
            if (!span) return null;
            return (
              <li
                key={span.id}
                className="steps-row"
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <span className="steps-label" style={{ "--depth": span.depth } as CSSProperties}>
                  <i className={`steps-dot ${span.kind}`} aria-hidden="true" />
                  <span className="truncate">{span.name || KIND_NAMES[span.kind]}</span>
                </span>
                <div className="steps-lane">
                  <Bar span={span} scale={scale} now={now} isOver={isOver} />
                </div>
              </li>
            );
          })}
        </ul>
        {course.spans.length === 0 && (
          <p className="steps-none muted">No step, request or question is on record.</p>
        )}
      </div>
    </div>
  );
}

function Bar({
  span,
  scale,
  now,
  isOver,
}: {
  span: Span;
  scale: Scale;
  now: number;
  isOver: boolean;
}) {
  const to = span.to ?? now;
  const took = duration(to - span.from);
  const isOpen = span.to === null && !isOver;
  const words = `${KIND_NAMES[span.kind]} ${span.name}, ${isOpen ? `for ${took} now` : took}`;
  return (
    <TooltipTrigger delay={150} closeDelay={0}>
      <Button
        className={`steps-bar ${span.kind}${span.isBad ? " bad" : ""}${isOpen ? " open" : ""}`}
        style={placed(scale, span.from, to)}
        aria-label={span.isBad ? `${words}, failed` : words}
      >
        {span.retries.map((retry) => (
          <i
            key={retry.sequence}
            className="steps-retry"
            style={{ "--part": within(scale, span.from, to, retry.at) } as CSSProperties}
          />
        ))}
      </Button>
      <span className="steps-took num" style={beside(scale, to)} aria-hidden="true">
        {took}
      </span>
      <Tooltip className="tooltip steps-tip" offset={6}>
        <b>{span.name}</b>
        <span>
          {KIND_NAMES[span.kind]} · {took}
          {span.isGuessed && " at most"}
          {isOpen && " so far"}
        </span>
        <span>
          {moment(span.from)} to {span.to === null ? "now" : clock(span.to)}
        </span>
        {span.retries.map((retry) => (
          <span key={retry.sequence}>
            {clock(retry.at)} tried again: {retry.error}
          </span>
        ))}
        {span.detail && <span>{span.detail}</span>}
      </Tooltip>
    </TooltipTrigger>
  );
}

const LABELS = 9;
const LABELS_NARROW = 3;

function Axis({
  scale,
  stretches,
  now,
}: {
  scale: Scale;
  stretches: readonly Stretch[];
  now: number;
}) {
  const narrow = useNarrow();
  const marks = marksOf(scale, stretches, now, narrow ? LABELS_NARROW : LABELS);
  return (
    <div className="steps-lane">
      {marks.map(({ at, part, label }) => (
        <span key={at} className="num" style={{ "--part": part } as CSSProperties}>
          {label}
        </span>
      ))}
    </div>
  );
}

function placed(scale: Scale, from: number, to: number): CSSProperties {
  const start = scale.place(from);
  const part = scale.place(to) - start;
  return { "--from": start, "--part": part } as CSSProperties;
}

/** Beside the end of the bar: behind the last one is room. */
function beside(scale: Scale, to: number): CSSProperties {
  return { "--from": scale.place(to) } as CSSProperties;
}

function within(scale: Scale, from: number, to: number, at: number): number {
  const start = scale.place(from);
  return (scale.place(at) - start) / (scale.place(to) - start || 1);
}
