/** The quiet lines of a chat: what the task did beside talking. */
import {
  CornerDownRight,
  Footprints,
  Gauge,
  LoaderCircle,
  Reply,
  RotateCw,
  TriangleAlert,
} from "lucide-react";
import type { CSSProperties } from "react";
import { Link } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import type { Json, TaskState } from "@/core/protocol";
import { brief, duration, moment, textOf } from "@/core/text";
import { Name, StateBadge } from "@/kit";
import type { ItemOf } from "../view";
import { Fold } from "./Fold";
import { Time } from "./Time";

export function Progress({ item: { text, fraction, at } }: { item: ItemOf<"progress"> }) {
  const percent = fraction === null ? null : Math.round(fraction * 100);
  return (
    <li className="tlog-line quiet">
      <span className="tlog-icon" aria-hidden="true">
        <Gauge size={14} />
      </span>
      <span className="tlog-words">
        {text}
        {percent !== null && (
          <span
            className="tlog-bar"
            role="progressbar"
            aria-label={text || "Progress"}
            aria-valuenow={percent}
            aria-valuemin={0}
            aria-valuemax={100}
          >
            <span style={{ "--part": fraction } as CSSProperties} />
          </span>
        )}
        {percent !== null && <span className="num muted">{percent} %</span>}
      </span>
      <Time at={at} />
    </li>
  );
}

const STEP_WORDS = {
  running: "runs",
  retrying: "is tried again",
  done: "",
  failed: "failed",
  cut: "was cut off",
};

export function Step({ item }: { item: ItemOf<"step"> }) {
  const { name, state, tries, seconds, result, error, at } = item;
  const isBad = state === "failed" || state === "retrying";
  return (
    <li className={isBad ? "tlog-line quiet bad" : "tlog-line quiet"}>
      <span className="tlog-icon" aria-hidden="true">
        {state === "running" ? (
          <LoaderCircle size={14} className="tlog-spin" />
        ) : isBad ? (
          <TriangleAlert size={14} />
        ) : (
          <Footprints size={14} />
        )}
      </span>
      <div className="tlog-words">
        <span>
          Step <code>{name}</code> {STEP_WORDS[state]}
          {tries > 1 && <span className="muted"> · {tries} tries</span>}
          {seconds !== null && <span className="muted num"> · {duration(seconds * 1000)}</span>}
        </span>
        {error && <span className="tlog-error">{error}</span>}
        {state === "done" && result !== null && <Fold label="result" value={result} />}
      </div>
      <Time at={at} />
    </li>
  );
}

export function Asked({ item: { to, text, error, at } }: { item: ItemOf<"request"> }) {
  return (
    <li className={error ? "tlog-line quiet bad" : "tlog-line quiet"}>
      <span className="tlog-icon" aria-hidden="true">
        {error ? <TriangleAlert size={14} /> : <Reply size={14} />}
      </span>
      <div className="tlog-words">
        <span>
          Asked <Link href={paths.direct(to)}>{to}</Link>
          {!error && text && <span className="tlog-reply">{brief(text, 200)}</span>}
        </span>
        {error && <span className="tlog-error">{error}</span>}
        {!error && brief(text, 200) !== text && <Fold label="whole reply" value={text} />}
      </div>
      <Time at={at} />
    </li>
  );
}

const SENT_WORDS: { readonly [type: string]: string } = {
  handoff: "Handed over to",
  direct: "Opened a task of",
};

export function Sent({ item }: { item: ItemOf<"sent"> }) {
  const mesh = useMesh();
  const live = useSlice(mesh.tasks.slice).find((one) => one.id === item.taskId);
  const state = (item.outcome?.state ?? live?.state) as TaskState | undefined;
  const said = item.outcome ? item.outcome.error || textOf(item.outcome.result) : "";
  return (
    <li className={item.refused ? "tlog-line quiet bad" : "tlog-line quiet"}>
      <span className="tlog-icon handoff" aria-hidden="true">
        <CornerDownRight size={14} />
      </span>
      <div className="tlog-words">
        <span>
          {SENT_WORDS[item.type] ?? "Sent to"} <Name name={item.to} />{" "}
          {item.refused ? (
            <span className="tlog-error">{item.refused}</span>
          ) : (
            <Link href={paths.task(item.taskId)}>see its task</Link>
          )}{" "}
          {state && <StateBadge state={state} />}
        </span>
        {said && <span className="tlog-reply">{brief(said, 200)}</span>}
      </div>
      <Time at={item.at} />
    </li>
  );
}

export function Note({ item }: { item: ItemOf<"note"> }) {
  const isSleep = item.name === "sleeping";
  const origin = item.name === "taken_over" ? String(item.data?.task_id ?? "") : "";
  const until = isSleep ? Date.parse(String(item.data?.until ?? "")) : Number.NaN;
  return (
    <li className={item.isBad ? "tlog-line quiet bad" : "tlog-line quiet"}>
      <span className="tlog-icon" aria-hidden="true">
        {item.isBad ? (
          <TriangleAlert size={14} />
        ) : item.name === "claimed" ? (
          <RotateCw size={14} />
        ) : (
          <span className="tlog-point" />
        )}
      </span>
      <div className="tlog-words">
        <span>
          {item.text} {isSleep && !Number.isNaN(until) && moment(until)}
          {origin && <Link href={paths.task(origin)}>an earlier task</Link>}
        </span>
        {item.data && !isSleep && !origin && Object.keys(item.data).length > 0 && (
          <Fold label="details" value={item.data as { [key: string]: Json }} />
        )}
      </div>
      <Time at={item.at} />
    </li>
  );
}
