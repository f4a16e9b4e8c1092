/** A message in a list: one line between agents, in full for people. */
import { ArrowRight, PanelRightOpen } from "lucide-react";
import { memo } from "react";
import type { Message } from "@/core/mesh/message";
import type { MessageKind } from "@/core/protocol";
import { NAMES } from "@/core/swimlane/describe";
import { brief, clock, duration, moment } from "@/core/text";
import { Avatar, Badge, IconButton, JsonView, Name } from "@/kit";
import { Files } from "./Files";
import { Folded } from "./Folded";
import { isData, isToPerson, listener, opensTask, speaker, wordless } from "./said";
import { TaskUnder } from "./TaskUnder";

export function KindBadge({ kind, failed }: { kind: MessageKind; failed: boolean }) {
  if (failed) return <Badge tone="bad">{kind === "completion" ? "failed" : "error"}</Badge>;
  return <Badge tone={kind}>{NAMES[kind].toLowerCase()}</Badge>;
}

export interface RowProps {
  message: Message;
  isOpened: boolean;
  onOpen: (message: Message) => void;
}

export const CompactRow = memo(function CompactRow({ message, isOpened, onOpen }: RowProps) {
  const { name, isPerson } = speaker(message);
  return (
    <button
      type="button"
      tabIndex={-1}
      className={`chat-line ${message.failed ? "failed" : ""}`}
      aria-pressed={isOpened}
      onClick={() => onOpen(message)}
    >
      <Avatar name={name} person={isPerson} size={18} />
      <span className="chat-who">
        <Name name={name} />
        {message.to && (
          <>
            <ArrowRight size={12} aria-label="to" />
            <span className="truncate">{listener(message)}</span>
          </>
        )}
      </span>
      <KindBadge kind={message.kind} failed={message.failed} />
      <span className="chat-text truncate">{brief(message.text, 240) || wordless(message)}</span>
      <span className="chat-latency num">
        {message.latency !== null && duration(message.latency)}
      </span>
      <time className="chat-time num" dateTime={new Date(message.at).toISOString()}>
        {clock(message.at)}
      </time>
    </button>
  );
});

export const RichRow = memo(function RichRow({
  message,
  goesOn,
  showTo,
  isOpened,
  onOpen,
}: RowProps & { goesOn: boolean; showTo: boolean }) {
  const { name, isPerson } = speaker(message);
  return (
    <article
      className={`chat-said ${goesOn ? "goes-on" : ""} ${isOpened ? "opened" : ""} ${message.failed ? "failed" : ""}`}
      aria-label={`${name}: ${brief(message.text, 80)}`}
    >
      {goesOn ? (
        <time className="chat-time num">{clock(message.at).slice(0, 5)}</time>
      ) : (
        <Avatar name={name} person={isPerson} size={32} />
      )}
      <div className="chat-body">
        {!goesOn && (
          <header>
            <Name name={name} />
            {showTo && message.to && !isToPerson(message) && (
              <span className="chat-to truncate">
                <ArrowRight size={12} aria-label="to" /> {message.to}
              </span>
            )}
            <KindBadge kind={message.kind} failed={message.failed} />
            <time
              className="chat-time num"
              dateTime={new Date(message.at).toISOString()}
              title={moment(message.at)}
            >
              {clock(message.at).slice(0, 5)}
            </time>
            {message.latency !== null && (
              <span className="chat-latency num">{duration(message.latency)}</span>
            )}
          </header>
        )}
        <Said message={message} />
        <Files files={message.files} />
        {opensTask(message) && <TaskUnder taskId={message.taskId} />}
      </div>
      <span className="chat-tools">
        <IconButton label="Open the message and its thread" onPress={() => onOpen(message)}>
          <PanelRightOpen size={16} />
        </IconButton>
      </span>
    </article>
  );
});

/** What a message says, in full. */
export function Said({ message }: { message: Message }) {
  if (isData(message)) return <JsonView value={message.content} />;
  return (
    <div className="chat-words">
      {message.text === "" && !message.isOpen ? (
        message.files.length === 0 && <span className="muted">{wordless(message)}</span>
      ) : (
        <Folded id={message.key} text={message.text} live={message.isOpen} />
      )}
      {message.isOpen && <Typing name={message.from} />}
    </div>
  );
}

/** Shows that more is to come. */
export function Typing({ name, text = "is writing" }: { name: string; text?: string }) {
  return (
    <span className="typing">
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <span>
        {name} {text} …
      </span>
    </span>
  );
}
