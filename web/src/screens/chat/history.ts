/** One stretch of the conversation: what is stored of it, and what is said now. */

import { useEffect, useState } from "react";
import { useMesh, useSlice } from "@/app/hooks";
import { api } from "@/core/api";
import { type Feed, FeedStore } from "@/core/mesh/feed";
import { gatewayToken } from "@/core/mesh/gateway";
import type { Mesh } from "@/core/mesh/mesh";
import { identity, type Message, ofStored } from "@/core/mesh/message";
import { asProblem, type Problem } from "@/core/problem";
import type { FileRef, Json, StoredMessage, Task } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { Slice } from "@/core/slice";
import { textOf } from "@/core/text";

const PAGE = 200;
const ASKED = ["request", "reply"];

type MessagePage = Awaited<ReturnType<typeof api.messages>>;

export interface Wanted {
  readonly agent?: string;
  readonly context?: string;
  readonly kind?: string[];
}

interface Status {
  readonly isLoaded: boolean;
  readonly problem: Problem | null;
}

export interface History extends Status {
  readonly feed: Feed;
  readonly older: () => Promise<void>;
  readonly reload: () => void;
}

class HistoryStore {
  readonly feed = new FeedStore();
  readonly status = new Slice<Status>({ isLoaded: false, problem: null });
  readonly #mesh: Mesh;
  readonly #wanted: Wanted;
  readonly #fits: (one: Message) => boolean;
  #reading: AbortController | undefined;

  constructor(mesh: Mesh, wanted: Wanted, fits: (one: Message) => boolean) {
    this.#mesh = mesh;
    this.#wanted = wanted;
    this.#fits = fits;
    this.feed.add(mesh.feed.slice.value.messages.filter(fits));
  }

  open(): () => void {
    const unfollow = this.#mesh.feed.follow((said) => this.feed.add(said.filter(this.#fits)));
    let { gaps } = this.#mesh.link.value;
    const unsubscribe = this.#mesh.link.subscribe(() => {
      const now = this.#mesh.link.value.gaps;
      if (now !== gaps) void this.read();
      gaps = now;
    });
    void this.read();
    return () => {
      unfollow();
      unsubscribe();
      this.#reading?.abort();
    };
  }

  async read(): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    try {
      // Who may not see everything sees their own tasks and questions, and what is said from now on.
      const isOpenToUs = this.#mesh.seesAll || this.#wanted.context !== undefined;
      const page = await this.#page(isOpenToUs, reading.signal);
      const tasks = isOpenToUs ? [] : await this.#tasks(reading.signal);
      // What is there by now, for more has been said meanwhile.
      const here = this.feed.slice.value.messages;
      const stored = this.#of(page.messages);
      const past = isOpenToUs ? stored : [...saidByTasks(tasks, here), ...stored];
      // What is only said live, such as what agents ask one another, is in no history.
      this.feed.reset(merged(past, here), page.before);
      this.status.set({ isLoaded: true, problem: null });
    } catch (error) {
      if (!reading.signal.aborted)
        this.status.set({ ...this.status.value, problem: asProblem(error) });
    }
  }

  async older(): Promise<void> {
    const { before } = this.feed.slice.value;
    if (before === null) return;
    const page = await api.messages({ ...this.#wanted, before, limit: PAGE });
    this.feed.prepend(this.#of(page.messages), page.before);
  }

  async #page(isOpenToUs: boolean, signal: AbortSignal): Promise<MessagePage> {
    if (isOpenToUs) return api.messages({ ...this.#wanted, limit: PAGE }, signal);
    const { agent } = this.#wanted;
    if (!agent) return { messages: [], before: null };
    const { messages } = await api.messages({ agent, kind: ASKED, limit: PAGE }, signal);
    return { messages, before: null };
  }

  async #tasks(signal: AbortSignal): Promise<readonly Task[]> {
    const { agent } = this.#wanted;
    return agent ? (await api.tasks({ agent, limit: PAGE / 2 }, signal)).tasks : [];
  }

  #of(stored: readonly StoredMessage[]): Message[] {
    const all: Message[] = [];
    for (const one of stored) {
      const found = ofStored(one);
      if (found && this.#fits(found)) all.push(found);
    }
    return all;
  }
}

function merged(past: readonly Message[], here: readonly Message[]): Message[] {
  const known = new Set(past.map(identity));
  return [...past, ...here.filter((one) => !known.has(identity(one)))].sort((a, b) => a.at - b.at);
}

/** What was said to open tasks, and what came of it; not what is there already. */
export function saidByTasks(tasks: readonly Task[], here: readonly Message[]): Message[] {
  const ended = new Set(here.filter((one) => one.kind === "completion").map((one) => one.taskId));
  const said: Message[] = [];
  for (const task of tasks) {
    const content = task.content as Json;
    const common = { context: task.context_id, taskId: task.id, latency: null, isOpen: false };
    said.push({
      ...common,
      key: `direct:${task.id}`,
      kind: "direct",
      from: gatewayToken(),
      to: task.agent,
      content,
      text: textOf(content),
      id: task.id,
      inReplyTo: "",
      user: task.owner ?? "",
      at: Date.parse(task.created_at),
      failed: false,
      files: filesIn(task.metadata),
    });
    if (!FINAL_STATES.has(task.state) || ended.has(task.id)) continue;
    const result = (task.error || task.result || null) as Json;
    said.push({
      ...common,
      key: `completion:task:${task.id}`,
      kind: "completion",
      from: task.agent,
      to: gatewayToken(),
      content: result,
      text: textOf(result),
      id: "",
      inReplyTo: task.id,
      user: "",
      at: Date.parse(task.updated_at),
      failed: task.state !== "completed",
      files: [],
    });
  }
  return said.sort((a, b) => a.at - b.at);
}

function filesIn(metadata: { [key: string]: unknown }): FileRef[] {
  return Array.isArray(metadata.files) ? (metadata.files as FileRef[]) : [];
}

const NOTHING = new FeedStore();
const NOT_YET = new Slice<Status>({ isLoaded: false, problem: null });

/** What was and is said, as far as it fits; read anew when `key` changes. */
export function useHistory(key: string, wanted: Wanted, fits: (one: Message) => boolean): History {
  const mesh = useMesh();
  const [store, setStore] = useState<HistoryStore | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what is wanted
  useEffect(() => {
    const made = new HistoryStore(mesh, wanted, fits);
    setStore(made);
    return made.open();
  }, [mesh, key]);
  const feed = useSlice(store?.feed.slice ?? NOTHING.slice);
  const status = useSlice(store?.status ?? NOT_YET);
  return {
    ...status,
    feed,
    older: () => store?.older() ?? Promise.resolve(),
    reload: () => void store?.read(),
  };
}
