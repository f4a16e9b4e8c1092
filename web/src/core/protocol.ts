/** What the gateway and the page say to each other: see `docs/http.md`. */
import type { components } from "./api.gen";

type Schemas = components["schemas"];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Agent = Schemas["Agent"];
export type Task = Schemas["Task"];
export type TaskState = Schemas["TaskState"];
export type Question = Schemas["Question"];
export type DeadLetter = Schemas["DeadLetter"];
export type StoredMessage = Schemas["MessageOut"];
export type Decision = Schemas["Decision"];
/** A file that goes with a message. */
export type FileRef = Schemas["FileRef"];
/** Who is signed in, and how one can. */
export type Session = Schemas["SessionView"];
export type Role = NonNullable<Session["role"]>;
/** An event of a task's log, as it is stored. */
export type StoredEvent = Omit<Schemas["LoggedEvent"], "data"> & { data: { [key: string]: Json } };
/** A question with the task that asks it. */
export type AskedQuestion = Schemas["Asked"];
/** What a model costs, in USD per million tokens. */
export type Price = Schemas["Price"];
/** How the mesh is. */
export type Health = Required<Schemas["MeshHealth"]>;

export const FINAL_STATES: ReadonlySet<TaskState> = new Set([
  "completed",
  "failed",
  "canceled",
  "rejected",
]);

export type MessageKind = "direct" | "handoff" | "completion" | "broadcast" | "request" | "reply";

/** Something that was said, as a live frame tells it. */
export interface MessageEvent {
  k: "msg";
  kind: MessageKind;
  from_agent: string;
  to_agent: string;
  content: Json;
  message_id: string;
  in_reply_to: string | null;
  context_id: string;
  failed: boolean;
  at: string;
  user?: string;
  task_id?: string;
  latency_ms?: number | null;
  files?: FileRef[];
  priority?: number;
  chunk?: boolean;
}

/** A piece of text that a task is writing. */
export interface DeltaEvent {
  k: "delta";
  task_id: string;
  agent: string;
  text: string;
  key?: string;
  offset?: number;
  attempt?: number;
}

/** An event of a task's log; `kind` is its kind, `k` what it is to a page. */
export interface LogEvent {
  k: "task" | "step" | "ask" | "answer" | "end";
  task_id: string;
  agent: string;
  context_id: string;
  kind: string;
  at: string;
  seq: number;
  data: { [key: string]: Json };
  pending?: boolean;
}

export interface BeatEvent {
  k: "beat";
  agent: string;
  event: "join" | "leave" | "status" | "beat";
  at?: string;
  status?: string;
  running?: number;
  queued?: number;
}

export interface DeadEvent {
  k: "dead";
  agent: string;
  task_id: string;
  seq: number;
  gone: boolean;
}

export interface LookEvent {
  k: "look";
  task_id: string;
  agent: string;
  question_id: string;
  user: string;
  page: string;
  state: "looking" | "typing" | "left";
  at: string;
}

export interface MeshEvent {
  k: "mesh";
  connected: boolean;
  at: string;
}

export type LiveEvent =
  | MessageEvent
  | DeltaEvent
  | LogEvent
  | BeatEvent
  | DeadEvent
  | LookEvent
  | MeshEvent;

/** One frame from the gateway: what happened up to the place `seq`. */
export interface Frame {
  /** Null before the page has subscribed to anything. */
  seq: string | null;
  t: number;
  gap?: boolean;
  ev: LiveEvent[];
}

/** The gateway's answer to a frame of ours. */
export interface Reply {
  re: string;
  ok: boolean;
  problem?: { status: number; code: string; detail: string; [fact: string]: Json };
  [fact: string]: unknown;
}

export type Answer =
  | string
  | string[]
  | {
      decision: "approve" | "reject";
      arguments?: { [key: string]: Json } | null;
      comment?: string;
    };
