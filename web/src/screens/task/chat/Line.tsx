/** One thing that happened to a task, as a line of its chat. */
import {
  CircleCheck,
  CircleSlash,
  CircleX,
  CornerDownRight,
  Footprints,
  Gauge,
  LoaderCircle,
  Reply,
  RotateCw,
  TriangleAlert,
} from "lucide-react";
import { type CSSProperties, memo, type ReactNode } from "react";
import { Link } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { fileUrl } from "@/core/api";
import type { Json, TaskState } from "@/core/protocol";
import { brief, bytes, clock, duration, moment, textOf } from "@/core/text";
import { Avatar, Badge, JsonView, Name, StateBadge } from "@/kit";
import { Markdown } from "@/kit/Markdown";
import { type Item, type ItemOf, starterOf } from "../fold";
import { Fold } from "./Fold";
import { AskedLine } from "./Questions";
import { ToolCard } from "./ToolCard";

interface LineProps {
  item: Item;
  agent: string;
  contextId: string;
  /** Whether the chat shows how things were. */
  isPast: boolean;
}

export const Line = memo(function Line({ item, agent, contextId, isPast }: LineProps) {
  switch (item.kind) {
    case "opening":
      return <Opening item={item} contextId={contextId} />;
    case "said":
      return (
        <Spoken name={item.agent || agent} at={item.at}>
          <Markdown text={item.text} />
        </Spoken>
      );
    case "image":
      return (
        <Spoken name={agent} at={item.at}>
          <Picture item={item} />
        </Spoken>
      );
    case "progress":
      return <Progress item={item} />;
    case "tool":
      return (
        <li className="tlog-line">
          <ToolCard item={item} />
        </li>
      );
    case "step":
      return <Step item={item} />;
    case "request":
      return <Asked item={item} />;
    case "sent":
      return <Sent item={item} />;
    case "question":
      return <AskedLine item={item} isPast={isPast} />;
    case "note":
      return <Note item={item} />;
    case "end":
      return <End item={item} agent={agent} />;
  }
});

export function Time({ at }: { at: string }) {
  return (
    <time className="tlog-time num" dateTime={at} title={moment(at)}>
      {clock(Date.parse(at))}
    </time>
  );
}

function Spoken({
  name,
  at,
  person = false,
  children,
}: {
  name: string;
  at: string;
  person?: boolean;
  children: ReactNode;
}) {
  return (
    <li className="tlog-line said">
      <Avatar name={name} size={28} person={person} />
      <div className="tlog-main">
        <header>
          <Name name={name} />
          <Time at={at} />
        </header>
        {children}
      </div>
    </li>
  );
}

function Opening({ item, contextId }: { item: ItemOf<"opening">; contextId: string }) {
  const text = textOf(item.content);
  const person = starterOf(item);
  return (
    <Spoken
      name={person || item.from || item.owner || "Somebody"}
      at={item.at}
      person={person !== ""}
    >
      {text &&
        text !== "{}" &&
        (typeof item.content === "string" ? (
          <Markdown text={text} />
        ) : (
          <JsonView value={item.content} />
        ))}
      {item.params && <Values values={item.params} />}
      {item.files.map((file) => (
        <a key={file.id} href={fileUrl(file.id)} className="tlog-file" download={file.name}>
          {file.name} <span className="muted">{bytes(file.size)}</span>
        </a>
      ))}
      {!text && !item.params && <p className="muted">An empty message</p>}
      <Link className="tlog-context" href={paths.conversation(contextId)}>
        Its conversation
      </Link>
    </Spoken>
  );
}

function Values({ values }: { values: { readonly [name: string]: Json } }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return <p className="muted">No values</p>;
  return (
    <dl className="tlog-values">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === "string" ? value || "–" : JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Picture({ item }: { item: ItemOf<"image"> }) {
  const { caption, source, url } = item;
  return (
    <figure className="tlog-image">
      {source ? (
        <img src={source} alt={caption || "Image without a caption"} />
      ) : url && /^https?:\/\//.test(url) ? (
        // The page loads nothing from other origins.
        <a href={url} target="_blank" rel="noreferrer noopener">
          Open the image at {hostOf(url)}
        </a>
      ) : (
        <span className="muted">An image of a kind that is not shown</span>
      )}
      {caption && <figcaption>{caption}</figcaption>}
    </figure>
  );
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);

function Progress({ item: { text, fraction, at } }: { item: ItemOf<"progress"> }) {
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

const STEP_WORDS = { running: "runs", retrying: "is tried again", done: "", failed: "failed" };

function Step({ item }: { item: ItemOf<"step"> }) {
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

function Asked({ item: { to, text, error, at } }: { item: ItemOf<"request"> }) {
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

function Sent({ item }: { item: ItemOf<"sent"> }) {
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

function Note({ item }: { item: ItemOf<"note"> }) {
  const isSleep = item.name === "sleeping";
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
        </span>
        {item.data && !isSleep && Object.keys(item.data).length > 0 && (
          <Fold label="details" value={item.data as { [key: string]: Json }} />
        )}
      </div>
      <Time at={item.at} />
    </li>
  );
}

const END_ICONS: { readonly [state: string]: ReactNode } = {
  completed: <CircleCheck size={17} />,
  canceled: <CircleSlash size={17} />,
};
const END_WORDS: { readonly [state: string]: string } = {
  completed: "Result",
  failed: "It failed",
  rejected: "It was rejected",
  canceled: "It was canceled",
};

function End({ item, agent }: { item: ItemOf<"end">; agent: string }) {
  const { state, result, error, at } = item;
  return (
    <li className={`tlog-line tlog-end ${state}`}>
      <header>
        <span className="tlog-end-icon" aria-hidden="true">
          {END_ICONS[state] ?? <CircleX size={17} />}
        </span>
        <b>{END_WORDS[state] ?? state}</b>
        <Badge>{agent}</Badge>
        <Time at={at} />
      </header>
      {error && <p className="tlog-error">{error}</p>}
      {typeof result === "string" && result !== "" && <Markdown text={result} />}
      {result !== null && typeof result !== "string" && <JsonView value={result} />}
      {state === "completed" && (result === null || result === "") && (
        <p className="muted">It returned nothing.</p>
      )}
    </li>
  );
}
