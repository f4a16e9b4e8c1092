/** How a task stands at a point of its log, and what a person should see of it. */
import type { FileRef, Json, Question, TaskState } from "@/core/protocol";
import type { Facts } from "./facts";

interface At {
  /** The place in the log of the event that it began with. */
  readonly sequence: number;
  readonly at: string;
}

/** Something of a task's history that a person sees. */
export type Item = At &
  (
    | {
        readonly kind: "opening";
        readonly from: string;
        readonly owner: string;
        readonly content: Json;
        readonly params: Facts | null;
        readonly files: readonly FileRef[];
      }
    | { readonly kind: "said"; readonly text: string; readonly agent: string }
    | {
        readonly kind: "image";
        readonly caption: string;
        /** A `data:` address; empty if the image is somewhere else. */
        readonly source: string;
        readonly url: string;
      }
    | { readonly kind: "progress"; readonly text: string; readonly fraction: number | null }
    | {
        readonly kind: "tool";
        readonly name: string;
        readonly callId: string;
        readonly arguments: Json;
        readonly result: Json;
        readonly endedAt: string;
      }
    | {
        readonly kind: "step";
        readonly name: string;
        readonly state: "running" | "retrying" | "done" | "failed" | "cut";
        readonly tries: number;
        readonly seconds: number | null;
        readonly result: Json;
        readonly error: string;
      }
    | {
        readonly kind: "request";
        readonly to: string;
        readonly text: string;
        readonly error: string;
      }
    | {
        readonly kind: "sent";
        readonly type: string;
        readonly to: string;
        readonly taskId: string;
        readonly outcome: Outcome | null;
        readonly refused: string;
      }
    | {
        readonly kind: "question";
        readonly question: Question;
        readonly answer: Given | null;
        /** Whether it is asked no more, and nobody has answered it. */
        readonly isGone: boolean;
      }
    | {
        /** What a person said to the run while it went on. */
        readonly kind: "steered";
        readonly by: string;
        readonly text: string;
        readonly state: "unread" | "read" | "missed";
      }
    | {
        readonly kind: "note";
        readonly name: string;
        readonly text: string;
        readonly isBad: boolean;
        readonly data: Facts | null;
      }
    | {
        readonly kind: "end";
        readonly state: TaskState;
        readonly result: Json;
        readonly error: string;
      }
  );

export type ItemOf<K extends Item["kind"]> = Extract<Item, { kind: K }>;

export interface Outcome {
  readonly state: string;
  readonly result: Json;
  readonly error: string;
  readonly at: string;
}

/** The answer to a question. */
export interface Given {
  readonly by: string;
  readonly at: string;
  readonly value: Json;
  readonly isHidden: boolean;
  readonly isTooLate: boolean;
}

export interface TaskView {
  readonly state: TaskState;
  readonly attempt: number;
  readonly instance: string;
  readonly version: string;
  readonly owner: string;
  /** Agent and id of the task that opened this one. */
  readonly parent: readonly [string, string] | null;
  readonly retryOf: string;
  readonly errors: readonly string[];
  /** When it goes on, if that is known. */
  readonly againAt: string;
  /** What it rests for; empty while it is worked on, and once it has ended. */
  readonly rests: "" | "worker" | "person" | "time" | "task" | "retry";
  readonly usage: { readonly requests: number; readonly input: number; readonly output: number };
  readonly progress: { readonly text: string; readonly fraction: number | null } | null;
  readonly items: readonly Item[];
  /** How many events have been taken in, and the last of them. */
  readonly count: number;
  readonly sequence: number;
  readonly at: string;
  /** The ids of the questions that are open. */
  readonly asking: readonly string[];
  /** Where the items are that later events complete, by their keys. */
  readonly places: ReadonlyMap<string, number>;
}

export const UNSTARTED: TaskView = {
  state: "submitted",
  attempt: 0,
  instance: "",
  version: "",
  owner: "",
  parent: null,
  retryOf: "",
  errors: [],
  againAt: "",
  rests: "worker",
  usage: { requests: 0, input: 0, output: 0 },
  progress: null,
  items: [],
  count: 0,
  sequence: 0,
  at: "",
  asking: [],
  places: new Map(),
};

/** The person who started the task; empty if an agent did. */
export const starterOf = ({ from, owner }: ItemOf<"opening">): string =>
  /^(gateway|cli)$/i.test(from) ? owner : "";
