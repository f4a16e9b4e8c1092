/** How a task spent its time: what it did when, and when it only waited. */
import type { Json, Question, StoredEvent } from "@/core/protocol";
import { brief } from "@/core/text";
import { errorText, nameOf, object, text } from "./facts";

export type SpanKind = "step" | "request" | "model" | "tool" | "question" | "sleep" | "task";

export interface Span {
  readonly id: string;
  readonly kind: SpanKind;
  readonly name: string;
  readonly from: number;
  /** Null while it goes on. */
  readonly to: number | null;
  readonly isBad: boolean;
  /** Whether only the end is on record, and the beginning is where the one before ended. */
  readonly isGuessed: boolean;
  /** When it failed and was tried again. */
  readonly retries: readonly {
    readonly sequence: number;
    readonly at: number;
    readonly error: string;
  }[];
  readonly depth: number;
  readonly detail: string;
}

/** A stretch of the task's time. */
export interface Stretch {
  readonly kind: "work" | "worker" | "person" | "time" | "retry";
  readonly from: number;
  readonly to: number | null;
}

export interface Course {
  readonly spans: readonly Span[];
  readonly stretches: readonly Stretch[];
}

type Open = { -readonly [field in keyof Span]: Span[field] };
type Facts = { readonly [key: string]: Json };

const RESTS: { readonly [kind: string]: Stretch["kind"] } = {
  released: "worker",
  retrying: "retry",
  parked: "person",
  waiting: "time",
};
const FINAL = new Set(["completed", "failed", "canceled", "rejected"]);

export function courseOf(events: readonly StoredEvent[], createdAt = ""): Course {
  const spans = new Map<string, Open>();
  /** Calls of tools that have no result yet, the last one at the end. */
  const calling = new Map<string, Open[]>();
  const stretches: { kind: Stretch["kind"]; from: number; to: number | null }[] = [];
  const first = events[0];
  let claimedAt = 0;
  let count = 0;
  let attempts = 0;
  /** When something was last put on record, by branch. */
  const heard = new Map<string, number>();
  const before = (key: string): number => {
    const branch = branchOf(key);
    const at = heard.get(branch) ?? spans.get(`/${branch}`)?.from;
    return Math.max(at ?? (branch ? before(branch) : 0), claimedAt);
  };

  const begin = (kind: Stretch["kind"], at: number) => {
    const last = stretches.at(-1);
    if (last) last.to = at;
    stretches.push({ kind, from: at, to: null });
    claimedAt = at;
  };
  const put = (
    key: string,
    kind: SpanKind,
    name: string,
    from: number,
    to: number | null,
    more: Partial<Open> = {},
  ): Open => {
    count += 1;
    const id = spans.has(key) ? `${key}~${count}` : key;
    const depth = Math.max(0, key.split("/").length - 2);
    const span: Open = {
      id,
      kind,
      name,
      from: Math.min(from, to ?? from),
      to,
      isBad: false,
      isGuessed: false,
      retries: [],
      depth: kind === "question" || kind === "task" || kind === "tool" ? 0 : depth,
      detail: "",
      ...more,
    };
    spans.set(id, span);
    return span;
  };

  /** Steps that were under way have stopped; what a later attempt does has bars of its own. */
  const cutOff = (at: number) => {
    for (const [key, span] of spans) {
      if (span.kind !== "step" || span.to !== null) continue;
      count += 1;
      Object.assign(span, { id: `${key}~${count}`, to: at, detail: "cut off" });
      spans.delete(key);
      spans.set(span.id, span);
    }
  };

  if (first) {
    const created = Date.parse(createdAt || messageTime(first.data));
    const at = Date.parse(first.at);
    if (created < at) begin("worker", created);
  }
  for (const { kind, at: iso, sequence, data } of events) {
    const at = Date.parse(iso);
    const key = text(data.key) || `#${sequence}`;
    if (kind === "claimed") {
      begin("work", at);
      const attempt = typeof data.attempt === "number" ? data.attempt : 0;
      if (attempt > attempts) cutOff(at);
      attempts = Math.max(attempts, attempt);
    } else if (kind in RESTS) {
      begin(RESTS[kind] ?? "worker", at);
      if (kind === "released" || kind === "retrying") cutOff(at);
    } else if (FINAL.has(kind)) {
      const last = stretches.at(-1);
      if (last) last.to = at;
      cutOff(at);
      for (const span of spans.values()) span.to ??= at;
    }
    switch (kind) {
      case "step_started":
        if (!spans.has(`/${key}`)) put(`/${key}`, "step", text(data.name) || nameOf(key), at, null);
        break;
      case "step_retrying": {
        const name = `/${key.replace(/:try\d+$/, "")}`;
        if (!spans.has(name)) put(name, "step", text(data.name), before(key) || at, null);
        const known = spans.get(name);
        if (known)
          known.retries = [...known.retries, { sequence, at, error: errorText(data.error) }];
        break;
      }
      case "step": {
        const known = spans.get(`/${key}`);
        const took = typeof data.seconds === "number" ? data.seconds * 1000 : 0;
        const detail = errorText(data.error) || shown(data.result);
        const isBad = data.error !== undefined;
        if (known) Object.assign(known, { to: at, isBad, detail });
        else
          put(`/${key}`, "step", text(data.name) || nameOf(key), at - took, at, { isBad, detail });
        break;
      }
      case "replied":
      case "model": {
        const isBad = data.error !== undefined;
        const detail =
          errorText(data.error) ||
          (kind === "model" ? tokens(object(data.usage)) : shown(object(data.reply)?.content));
        const name = kind === "model" ? "model call" : `asks ${text(data.to_agent)}`;
        put(`/${key}`, kind === "model" ? "model" : "request", name, before(key) || at, at, {
          isBad,
          isGuessed: true,
          detail,
        });
        break;
      }
      case "tool_call": {
        const call = `tool:${text(data.id) || text(data.name)}`;
        const span = put(call, "tool", text(data.name), at, null, {
          detail: shown(data.arguments),
        });
        calling.set(call, [...(calling.get(call) ?? []), span]);
        break;
      }
      case "tool_result": {
        const open = calling.get(`tool:${text(data.id) || text(data.name)}`)?.pop();
        if (open) open.to = at;
        break;
      }
      case "asked": {
        const question = object(data.question) as Question | undefined;
        if (question && !spans.has(`asked:${question.id}`))
          put(`asked:${question.id}`, "question", brief(question.prompt, 60), at, null);
        break;
      }
      case "answered":
      case "timed_out": {
        const asked = spans.get(`asked:${text(data.id)}`);
        if (asked) {
          asked.to = at;
          asked.detail = kind === "timed_out" ? "Nobody answered in time" : `by ${text(data.by)}`;
          asked.isBad = kind === "timed_out";
        }
        break;
      }
      case "sleeping":
        put(`/${key}`, "sleep", "sleeps", at, null, { detail: `until ${text(data.until)}` });
        break;
      case "woken": {
        const asleep = spans.get(`/${key}`);
        if (asleep) asleep.to = at;
        break;
      }
      case "sent":
        if (!spans.has(`sent:${text(data.message_id)}`))
          put(`sent:${text(data.message_id)}`, "task", `task of ${text(data.to_agent)}`, at, null);
        break;
      case "unsent":
        Object.assign(spans.get(`sent:${text(data.message_id)}`) ?? {}, {
          to: at,
          isBad: true,
          detail: text(data.error),
        });
        break;
      case "child": {
        const sent = spans.get(`sent:${childOf(key)}`);
        if (sent) {
          sent.to = at;
          sent.isBad = text(data.state) !== "completed";
          sent.detail = errorText(data.error) || shown(data.result);
        }
        break;
      }
      default:
        break;
    }
    heard.set(branchOf(key), at);
  }
  // What it only sent, and never waited for, took no time of it.
  const awaited = new Set(
    events.filter(({ kind }) => kind === "child").map(({ data }) => childOf(text(data.key))),
  );
  for (const span of spans.values())
    if (span.kind === "task" && span.detail === "" && !awaited.has(span.id.slice("sent:".length)))
      span.to = span.from;
  const inOrder = [...spans.values()].sort((a, b) => a.from - b.from);
  return { spans: inOrder, stretches };
}

/** The id of the task that a call waits for: `t1` of `child:billing.t1`. */
const childOf = (key: string): string => key.split(".").at(-1) ?? "";

/** How long it worked and waited, in ms. */
export function totals(
  stretches: readonly Stretch[],
  now: number,
): { readonly work: number; readonly wait: number } {
  let work = 0;
  let wait = 0;
  for (const { kind, from, to } of stretches) {
    const ms = Math.max(0, (to ?? now) - from);
    if (kind === "work") work += ms;
    else wait += ms;
  }
  return { work, wait };
}

export interface Scale {
  readonly from: number;
  readonly to: number;
  /** Where a time is, from 0 to 1. */
  readonly place: (at: number) => number;
  /** Whether waiting is drawn shorter than it was. */
  readonly isSqueezed: boolean;
}

/** A time axis; squeezed, long waits take no more room than a share of the work. */
export function scaleOf(stretches: readonly Stretch[], now: number, squeeze: boolean): Scale {
  const from = stretches[0]?.from ?? now;
  const to = Math.max(from + 1, stretches.at(-1)?.to ?? now);
  const { work } = totals(stretches, now);
  const most = work * 0.25;
  const parts = stretches.map(({ kind, from: start, to: end }) => {
    const ms = Math.max(0, (end ?? now) - start);
    const isLong = squeeze && kind !== "work" && work > 0 && ms > most;
    return { start, ms, weight: isLong ? most : ms, isLong };
  });
  const whole = parts.reduce((sum, part) => sum + part.weight, 0) || 1;
  const place = (at: number): number => {
    let before = 0;
    for (const { start, ms, weight } of parts) {
      if (at <= start) break;
      if (at < start + ms) return (before + ((at - start) / ms) * weight) / whole;
      before += weight;
    }
    return before / whole;
  };
  return { from, to, place, isSqueezed: parts.some((part) => part.isLong) };
}

const branchOf = (key: string): string => key.split("/").slice(0, -1).join("/");

const messageTime = (data: Facts): string => text(object(data.message)?.timestamp);

const shown = (value: Json | undefined): string =>
  value === undefined || value === null
    ? ""
    : brief(typeof value === "string" ? value : JSON.stringify(value), 120);

const tokens = (usage: Facts | undefined): string =>
  usage ? `${text(usage.input_tokens) || 0} tokens in, ${text(usage.output_tokens) || 0} out` : "";
