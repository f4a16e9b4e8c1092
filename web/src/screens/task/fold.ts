/** What a task's log adds up to: how it stands, and what a person should see of it. */
import { stateAfter } from "@/core/mesh/tasks";
import type { FileRef, Json, Question, StoredEvent, TaskState } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { textOf } from "@/core/text";
import { errorText, type Facts, nameOf, object, text } from "./facts";
import { type Item, type ItemOf, type TaskView, UNSTARTED } from "./view";

type Draft = { -readonly [field in keyof TaskView]: TaskView[field] } & {
  items: Item[];
  places: Map<string, number>;
};

/** Add events to what earlier ones came to. What did not change stays the same object. */
export function extend(view: TaskView, events: readonly StoredEvent[]): TaskView {
  if (events.length === 0) return view;
  const draft: Draft = { ...view, items: [...view.items], places: new Map(view.places) };
  for (const event of events) take(draft, event);
  return draft;
}

export const foldTask = (events: readonly StoredEvent[]): TaskView => extend(UNSTARTED, events);

const EVERY = 200;

/** Folds a log that grows, and any beginning of it, without starting over each time. */
export class Folder {
  /** Views on the way, every so many events: none is changed once it is made. */
  #marks: TaskView[] = [UNSTARTED];
  #view = UNSTARTED;

  /** What the first `count` events add up to. */
  view(events: readonly StoredEvent[], count: number): TaskView {
    const isKnown = (view: TaskView): boolean =>
      view.count <= count &&
      (view.count === 0 || events[view.count - 1]?.sequence === view.sequence);
    this.#marks = this.#marks.filter(
      (mark) => mark.count === 0 || events[mark.count - 1]?.sequence === mark.sequence,
    );
    const mark = this.#marks.findLast(isKnown) ?? UNSTARTED;
    let view = isKnown(this.#view) && this.#view.count >= mark.count ? this.#view : mark;
    while (view.count < count) {
      const next = Math.min(count, (Math.floor(view.count / EVERY) + 1) * EVERY);
      view = extend(view, events.slice(view.count, next));
      const last = this.#marks.at(-1)?.count ?? 0;
      if (next % EVERY === 0 && next > last) this.#marks.push(view);
    }
    this.#view = view;
    return view;
  }
}

function take(draft: Draft, event: StoredEvent): void {
  const { kind, at, sequence, data } = event;
  draft.count += 1;
  draft.sequence = sequence;
  draft.at = at;
  const state = stateAfter(kind) ?? "working";
  draft.state = state;
  if (state === "working") draft.rests = "";
  const base = { sequence, at };
  switch (kind) {
    case "claimed":
      claim(draft, event);
      break;
    case "released":
      draft.rests = "worker";
      note(draft, event, `Given back: ${text(data.reason) || "its process stops"}`);
      break;
    case "parked":
    case "waiting":
      draft.rests = kind === "parked" ? "person" : text(data.again_at) ? "time" : "task";
      draft.againAt = text(data.again_at);
      // It was no attempt that failed, and the next claim counts the same one again.
      break;
    case "retrying":
      draft.rests = "retry";
      draft.againAt = text(data.again_at);
      draft.errors = [...draft.errors, text(data.error)];
      note(draft, event, `Attempt ${text(data.attempt) || draft.attempt} failed`, true);
      break;
    case "said":
      add(draft, { ...base, kind, text: text(data.text), agent: text(data.agent) });
      break;
    case "image":
      add(draft, {
        ...base,
        kind,
        caption: text(data.caption),
        source: imageSource(data),
        url: text(data.url),
      });
      break;
    case "progress":
      progress(draft, event);
      break;
    case "tool_call":
      place(draft, `tool:${text(data.id) || text(data.name)}`, {
        ...base,
        kind: "tool",
        name: text(data.name),
        callId: text(data.id),
        arguments: data.arguments ?? null,
        result: null,
        endedAt: "",
      });
      break;
    case "tool_result":
      toolResult(draft, event);
      break;
    case "step_started":
    case "step_retrying":
    case "step":
      step(draft, event);
      break;
    case "replied":
      add(draft, {
        ...base,
        kind: "request",
        to: text(data.to_agent),
        text: textOf(object(data.reply)?.content ?? data.text),
        error: errorText(data.error),
      });
      break;
    case "sent":
      place(draft, `sent:${text(data.message_id)}`, {
        ...base,
        kind,
        type: text(data.message_type),
        to: text(data.to_agent),
        taskId: text(data.message_id),
        outcome: null,
        refused: "",
      });
      break;
    case "unsent":
      change(draft, `sent:${text(data.message_id)}`, "sent", (item) => ({
        ...item,
        refused: text(data.error) || "refused",
      }));
      break;
    case "child":
      child(draft, event);
      break;
    case "told":
      note(draft, event, "Told everybody something");
      break;
    case "asked":
      asked(draft, event);
      break;
    case "answered":
    case "timed_out":
      change(draft, `asked:${text(data.id)}`, "question", (item) => ({
        ...item,
        answer: {
          by: text(data.by),
          at,
          value: data.answer ?? null,
          isHidden: data.hidden === true || item.question.secret === true,
          isTooLate: kind === "timed_out",
        },
      }));
      break;
    case "sleeping":
      draft.againAt = text(data.until);
      note(draft, event, "Sleeps until", false, data);
      break;
    case "taken_over":
      // What stands before it was done by another task, and paid for there.
      draft.usage = UNSTARTED.usage;
      note(draft, event, "Up to here taken over from", false, data);
      break;
    case "woken":
    case "now":
      break;
    case "phase":
      note(draft, event, text(data.phase) || text(data.name) || "Phase");
      break;
    case "usage":
      use(draft, data);
      break;
    case "model":
      use(draft, object(data.usage));
      break;
    default:
      if (FINAL_STATES.has(state)) end(draft, event, state);
      else note(draft, event, kind.replaceAll("_", " "), false, data);
  }
}

function claim(draft: Draft, { sequence, at, data }: StoredEvent): void {
  const attempt = typeof data.attempt === "number" ? data.attempt : draft.attempt + 1;
  const isNew = draft.attempt !== 0 && attempt > draft.attempt;
  const other = text(data.instance);
  const moved = draft.attempt !== 0 && !isNew && other !== draft.instance;
  draft.attempt = attempt;
  draft.instance = other || draft.instance;
  draft.againAt = "";
  draft.version = text(data.version) || draft.version;
  open(draft, sequence, at, data);
  if (isNew || (moved && !data.wake_sequence))
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

/** Take in how the task came about, which its first event tells. */
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

function progress(draft: Draft, { sequence, at, data }: StoredEvent): void {
  const fraction = typeof data.fraction === "number" ? clamp(data.fraction) : null;
  const told = { text: text(data.text), fraction };
  draft.progress = told;
  const last = draft.items.at(-1);
  // One bar that moves, as long as nothing else happens in between.
  if (last?.kind === "progress") draft.items[draft.items.length - 1] = { ...last, at, ...told };
  else add(draft, { sequence, at, kind: "progress", ...told });
}

function toolResult(draft: Draft, { sequence, at, data }: StoredEvent): void {
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

function step(draft: Draft, { sequence, at, kind, data }: StoredEvent): void {
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

function child(draft: Draft, { at, data }: StoredEvent): void {
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

function asked(draft: Draft, { sequence, at, data }: StoredEvent): void {
  const question = object(data.question);
  if (!question) return;
  place(draft, `asked:${text(question.id)}`, {
    sequence,
    at,
    kind: "question",
    question: question as unknown as Question,
    answer: null,
  });
}

function end(draft: Draft, { sequence, at, data }: StoredEvent, state: TaskState): void {
  open(draft, sequence, at, data);
  draft.rests = "";
  draft.againAt = "";
  draft.progress = null;
  const usage = object(data.usage);
  if (usage) {
    // All of it, for those who read no more than the end.
    draft.usage = { requests: 0, input: 0, output: 0 };
    use(draft, usage);
  }
  const error = errorText(data.error);
  add(draft, { sequence, at, kind: "end", state, result: data.result ?? null, error });
}

function note(
  draft: Draft,
  { sequence, at, kind, data }: StoredEvent,
  said: string,
  isBad = false,
  shown: Facts | null = null,
): void {
  const error = isBad ? errorText(data.error) : "";
  add(draft, {
    sequence,
    at,
    kind: "note",
    name: kind,
    text: error ? `${said}: ${error}` : said,
    isBad,
    data: shown,
  });
}

function use(draft: Draft, amounts: Facts | undefined): void {
  if (!amounts) return;
  const { usage } = draft;
  draft.usage = {
    requests: usage.requests + whole(amounts.requests),
    input: usage.input + whole(amounts.input_tokens),
    output: usage.output + whole(amounts.output_tokens),
  };
}

function add(draft: Draft, item: Item): void {
  draft.items.push(item);
}

function place(draft: Draft, key: string, item: Item): void {
  // Who was put on record twice is shown once.
  if (draft.places.has(key) && item.kind !== "tool") return;
  draft.places.set(key, draft.items.length);
  draft.items.push(item);
}

function change<K extends Item["kind"]>(
  draft: Draft,
  key: string,
  kind: K,
  make: (item: ItemOf<K>) => ItemOf<K>,
): boolean {
  const index = draft.places.get(key);
  const item = index === undefined ? undefined : draft.items[index];
  if (index === undefined || item?.kind !== kind) return false;
  draft.items[index] = make(item as ItemOf<K>);
  return true;
}

const MEDIA = /^image\/(png|jpeg|gif|webp)$/;

function imageSource(data: Facts): string {
  const media = text(data.media_type);
  const held = text(data.data);
  return held && MEDIA.test(media) ? `data:${media};base64,${held}` : "";
}

const whole = (value: Json | undefined): number =>
  typeof value === "number" && Number.isFinite(value) ? value : 0;

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

const between = (from: string, to: string): number =>
  Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
