/** What each kind of event that is more than a line adds to a view. */
import type { FileRef, Json, Question, StoredEvent, TaskState } from "@/core/protocol";
import { add, change, type Draft, place, use } from "./draft";
import { errorText, type Facts, nameOf, object, text } from "./facts";
import type { ItemOf } from "./view";

export function claim(draft: Draft, { sequence, at, data }: StoredEvent): void {
  const attempt = typeof data.attempt === "number" ? data.attempt : draft.attempt + 1;
  const isNew = draft.attempt !== 0 && attempt > draft.attempt;
  const other = text(data.instance);
  const moved = draft.attempt !== 0 && !isNew && other !== draft.instance;
  draft.attempt = attempt;
  draft.instance = other || draft.instance;
  draft.againAt = "";
  draft.version = text(data.version) || draft.version;
  open(draft, sequence, at, data);
  if (isNew || (moved && !data.wake_sequence)) {
    cutOff(draft);
    add(draft, {
      sequence,
      at,
      kind: "note",
      name: "claimed",
      text: `Attempt ${attempt} began`,
      isBad: false,
      data: null,
    });
  }
}

function open(draft: Draft, sequence: number, at: string, data: Facts): void {
  draft.owner = text(data.owner) || draft.owner;
  draft.retryOf = text(data.retry_of) || draft.retryOf;
  const { parent } = data;
  if (Array.isArray(parent) && parent.length === 2)
    draft.parent = [text(parent[0]), text(parent[1])];
  const message = object(data.message);
  if (!message || draft.items[0]?.kind === "opening") return;
  const metadata = object(message.metadata);
  draft.items.unshift({
    sequence,
    at: text(message.timestamp) || at,
    kind: "opening",
    from: text(message.from_agent),
    owner: draft.owner,
    content: message.content ?? null,
    params: object(metadata?.params) ?? null,
    files: Array.isArray(metadata?.files) ? (metadata.files as unknown as FileRef[]) : [],
  });
  for (const [key, index] of draft.places) draft.places.set(key, index + 1);
}

/** One bar that moves: for each text, whatever happens in between, and while nothing else does. */
export function progress(draft: Draft, { sequence, at, data }: StoredEvent): void {
  const fraction = typeof data.fraction === "number" ? clamp(data.fraction) : null;
  const told = { text: text(data.text), fraction };
  draft.progress = told;
  const key = barOf(told.text);
  const known = draft.places.get(key);
  const bar = known === undefined ? undefined : draft.items[known];
  if (known !== undefined && bar?.kind === "progress" && barOf(bar.text) === key) {
    draft.items[known] = { ...bar, at, ...told };
    return;
  }
  const end = draft.items.length - 1;
  const last = draft.items[end];
  draft.places.set(key, last?.kind === "progress" ? end : end + 1);
  if (last?.kind === "progress") draft.items[end] = { ...last, at, ...told };
  else add(draft, { sequence, at, kind: "progress", ...told });
}

/** Texts that only count on, such as `page 3 of 14`, are those of one bar. */
const barOf = (said: string): string => `progress:${said.replace(/\d+/g, "0")}`;

export function toolResult(draft: Draft, { sequence, at, data }: StoredEvent): void {
  const key = `tool:${text(data.id) || text(data.name)}`;
  const result = data.result ?? null;
  const known = change(draft, key, "tool", (item) => ({ ...item, result, endedAt: at }));
  if (known) draft.places.delete(key);
  else
    add(draft, {
      sequence,
      at,
      kind: "tool",
      name: text(data.name),
      callId: text(data.id),
      arguments: null,
      result,
      endedAt: at,
    });
}

export function step(draft: Draft, { sequence, at, kind, data }: StoredEvent): void {
  const key = `step:${text(data.key).replace(/:try\d+$/, "")}`;
  const known = draft.items[draft.places.get(key) ?? -1];
  const before: ItemOf<"step"> =
    known?.kind === "step"
      ? known
      : {
          sequence,
          at,
          kind: "step",
          name: text(data.name) || nameOf(text(data.key)),
          state: "running",
          tries: 1,
          seconds: null,
          result: null,
          error: "",
        };
  const error = errorText(data.error);
  let after = before;
  if (kind === "step_retrying")
    after = { ...before, state: "retrying", tries: before.tries + 1, error };
  else if (kind === "step")
    after = {
      ...before,
      state: error ? "failed" : "done",
      seconds:
        typeof data.seconds === "number" ? data.seconds : known ? between(before.at, at) : null,
      result: data.result ?? null,
      error,
    };
  if (known?.kind === "step") draft.items[draft.places.get(key) ?? -1] = after;
  else place(draft, key, after);
}

/** What was under way has stopped; what a later attempt does has lines of its own. */
export function cutOff(draft: Draft): void {
  draft.progress = null;
  for (const [key, index] of draft.places) {
    const item = draft.items[index];
    if (item?.kind === "progress") draft.places.delete(key);
    if (item?.kind !== "step" || (item.state !== "running" && item.state !== "retrying")) continue;
    draft.items[index] = { ...item, state: "cut" };
    draft.places.delete(key);
  }
}

export function child(draft: Draft, { at, data }: StoredEvent): void {
  const id = text(data.key).split(".").at(-1) ?? "";
  change(draft, `sent:${id}`, "sent", (item) => ({
    ...item,
    outcome: {
      state: text(data.state),
      result: data.result ?? null,
      error: errorText(data.error),
      at,
    },
  }));
}

export function asked(draft: Draft, { sequence, at, data }: StoredEvent): void {
  const question = object(data.question);
  if (!question) return;
  const id = text(question.id);
  if (draft.asking.includes(id)) return;
  const known = change(draft, `asked:${id}`, "question", (item) => ({ ...item, isGone: false }));
  if (!known)
    place(draft, `asked:${id}`, {
      sequence,
      at,
      kind: "question",
      question: question as unknown as Question,
      answer: null,
      isGone: false,
    });
  draft.asking = [...draft.asking, id];
}

export function answered(draft: Draft, { kind, at, data }: StoredEvent): void {
  const id = text(data.id);
  draft.asking = draft.asking.filter((one) => one !== id);
  change(draft, `asked:${id}`, "question", (item) => ({
    ...item,
    isGone: false,
    answer: {
      by: text(data.by),
      // A run that took the answer over has a later event of it.
      at: text(data.at) || at,
      value: data.answer ?? null,
      isHidden: data.hidden === true || item.question.secret === true,
      isTooLate: kind === "timed_out",
    },
  }));
}

/** What nobody has read until the end will not be read any more. */
function miss(draft: Draft): void {
  draft.items.forEach((item, index) => {
    if (item.kind === "steered" && item.state === "unread")
      draft.items[index] = { ...item, state: "missed" };
  });
}

/** The handler has been given notes. */
export function read(draft: Draft, ids: Json | undefined): void {
  for (const id of Array.isArray(ids) ? ids : [])
    change(draft, `steered:${text(id)}`, "steered", (item) => ({ ...item, state: "read" }));
}

/** Keep of the open questions those that are still asked: an attempt before may have had others. */
export function rest(draft: Draft, questions: Json | undefined): void {
  if (draft.asking.length === 0) return;
  const ids = new Set(
    Array.isArray(questions) ? questions.map((one) => text(object(one)?.id)) : [],
  );
  for (const id of draft.asking)
    if (!ids.has(id))
      change(draft, `asked:${id}`, "question", (item) => ({ ...item, isGone: true }));
  draft.asking = draft.asking.filter((id) => ids.has(id));
}

export function end(draft: Draft, { sequence, at, data }: StoredEvent, state: TaskState): void {
  open(draft, sequence, at, data);
  draft.rests = "";
  draft.againAt = "";
  rest(draft, []);
  cutOff(draft);
  miss(draft);
  const usage = object(data.usage);
  if (usage) {
    // All of it, for those who read no more than the end.
    draft.usage = { requests: 0, input: 0, output: 0 };
    use(draft, usage);
  }
  const error = errorText(data.error);
  add(draft, { sequence, at, kind: "end", state, result: data.result ?? null, error });
}

const MEDIA = /^image\/(png|jpeg|gif|webp)$/;

/** A `data:` address of an image that is in the log; empty if it is none that is shown. */
export function imageSource(data: Facts): string {
  const media = text(data.media_type);
  const held = text(data.data);
  return held && MEDIA.test(media) ? `data:${media};base64,${held}` : "";
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

const between = (from: string, to: string): number =>
  Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
