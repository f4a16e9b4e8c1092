/** One thing that happened to a task, as a line of its chat. */
import { CircleCheck, CircleSlash, CircleX } from "lucide-react";
import { memo, type ReactNode } from "react";
import { Link } from "wouter";
import { paths } from "@/app/places";
import { fileUrl } from "@/core/api";
import type { Json } from "@/core/protocol";
import { bytes, textOf } from "@/core/text";
import { Avatar, Badge, JsonView, Name } from "@/kit";
import { Markdown } from "@/kit/Markdown";
import { type Item, type ItemOf, starterOf } from "../view";
import { AskedLine } from "./Questions";
import { Asked, Note, Progress, Sent, Step } from "./Quiet";
import { Time } from "./Time";
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
    case "steered":
      return <Steered item={item} />;
    case "note":
      return <Note item={item} />;
    case "end":
      return <End item={item} agent={agent} />;
  }
});

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

const UNREAD_WORDS = { unread: "not read yet", missed: "was not read" } as const;

/** What a person said to the run. */
function Steered({ item }: { item: ItemOf<"steered"> }) {
  const { by, text, at, state } = item;
  return (
    <li className="tlog-line said">
      <Avatar name={by || "Somebody"} size={28} person />
      <div className="tlog-main">
        <header>
          <Name name={by || "Somebody"} />
          <span className="tlog-typing">steered</span>
          <Time at={at} />
          {state !== "read" && <Badge>{UNREAD_WORDS[state]}</Badge>}
        </header>
        <Markdown text={text} />
      </div>
    </li>
  );
}

function Opening({ item, contextId }: { item: ItemOf<"opening">; contextId: string }) {
  const text = textOf(item.content);
  const person = starterOf(item);
  const hasText = text !== "" && text !== "{}";
  const values = Object.entries(item.params ?? {});
  return (
    <Spoken
      name={person || item.from || item.owner || "Somebody"}
      at={item.at}
      person={person !== ""}
    >
      {hasText &&
        (typeof item.content === "string" ? (
          <Markdown text={text} />
        ) : (
          <JsonView value={item.content} />
        ))}
      {values.length > 0 && <Values values={values} />}
      {item.files.map((file) => (
        <a key={file.id} href={fileUrl(file.id)} className="tlog-file" download={file.name}>
          {file.name} <span className="muted">{bytes(file.size)}</span>
        </a>
      ))}
      {!hasText && values.length === 0 && item.files.length === 0 && (
        <p className="muted">Started without values</p>
      )}
      <Link className="tlog-context" href={paths.conversation(contextId)}>
        Its conversation
      </Link>
    </Spoken>
  );
}

function Values({ values }: { values: readonly [string, Json][] }) {
  return (
    <dl className="tlog-values">
      {values.map(([name, value]) => (
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
