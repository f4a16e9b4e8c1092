/** Something that was said, as the page keeps it. */
import type { FileRef, Json, MessageEvent, MessageKind, StoredMessage } from "../protocol";
import { textOf } from "../text";

export interface Message {
  /** Its own, also for the pieces of one reply. */
  readonly key: string;
  readonly kind: MessageKind;
  readonly from: string;
  /** Empty for everybody. */
  readonly to: string;
  readonly content: Json;
  readonly text: string;
  readonly id: string;
  readonly inReplyTo: string;
  readonly context: string;
  readonly taskId: string;
  /** The person who said it through a gateway; empty for agents. */
  readonly user: string;
  readonly at: number;
  /** Since what it answers, in ms, if known. */
  readonly latency: number | null;
  readonly failed: boolean;
  readonly files: readonly FileRef[];
  /** Whether more of it is to come. */
  readonly isOpen: boolean;
}

/** What a message is once, heard live or read from the store: an answer is known by its question. */
export const identity = (one: Message): string =>
  one.kind === "reply" && one.inReplyTo ? `reply to ${one.inReplyTo}` : one.key;

const KINDS: ReadonlySet<string> = new Set([
  "direct",
  "handoff",
  "completion",
  "broadcast",
  "request",
  "reply",
]);

export function ofEvent(event: MessageEvent): Message {
  return message(event, event.files ?? [], event.chunk ?? false);
}

/** A message of the history; null for what agents announce of themselves. */
export function ofStored(stored: StoredMessage): Message | null {
  if (!KINDS.has(stored.kind)) return null;
  return message(
    { ...stored, kind: stored.kind as MessageKind, content: stored.content as Json },
    stored.files ?? [],
    false,
  );
}

type Said = Omit<MessageEvent, "k" | "files" | "chunk">;

function message(said: Said, files: readonly FileRef[], isOpen: boolean): Message {
  const reply = said.in_reply_to ?? "";
  return {
    key: `${said.kind}:${said.message_id || `${reply}:${said.at}`}`,
    kind: said.kind,
    from: said.from_agent,
    to: said.to_agent,
    content: said.content,
    text: textOf(said.content),
    id: said.message_id,
    inReplyTo: reply,
    context: said.context_id,
    taskId: said.task_id ?? "",
    user: said.user ?? "",
    at: Date.parse(said.at),
    latency: said.latency_ms ?? null,
    failed: said.failed,
    files,
    isOpen,
  };
}
