/** The REST interface of the gateway. */
import { Problem, problemOf } from "./problem";
import type {
  Agent,
  Answer,
  AskedQuestion,
  DeadLetter,
  FileRef,
  Health,
  Json,
  Price,
  Session,
  StoredEvent,
  StoredMessage,
  Task,
  TaskState,
} from "./protocol";

type Query = { [key: string]: string | number | readonly string[] | null | undefined };

async function call<T>(
  method: string,
  path: string,
  options: {
    query?: Query;
    body?: unknown;
    signal?: AbortSignal | undefined;
    headers?: Record<string, string>;
    /** Whether it goes on when the page is left. */
    keepalive?: boolean;
  } = {},
): Promise<T> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const query = search.size > 0 ? `?${search}` : "";
  const init: RequestInit = {
    method,
    credentials: "same-origin",
    headers: { accept: "application/json", ...options.headers },
  };
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body);
    init.headers = { ...init.headers, "content-type": "application/json" };
  }
  if (options.signal) init.signal = options.signal;
  if (options.keepalive) init.keepalive = true;
  const response = await fetch(path + query, init);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  let body: unknown;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new Problem(response.status, "unreadable", "What answered is not the gateway.");
  }
  if (!response.ok) throw problemOf(response.status, body);
  return body as T;
}

const at = encodeURIComponent;

export const api = {
  session: (signal?: AbortSignal) => call<Session>("GET", "/api/session", { signal }),
  signIn: (credential: string) => call<Session>("POST", "/api/session", { body: { credential } }),
  signOut: () => call<void>("DELETE", "/api/session"),

  agents: (signal?: AbortSignal) => call<{ agents: Agent[] }>("GET", "/api/agents", { signal }),
  /** Those that are there, and those that were there once. */
  everyAgent: (signal?: AbortSignal) =>
    call<{ agents: Agent[] }>("GET", "/api/agents", { query: { offline: "true" }, signal }),
  agent: (name: string, signal?: AbortSignal) =>
    call<Agent>("GET", `/api/agents/${at(name)}`, { signal }),

  messages: (
    query: {
      agent?: string;
      context?: string;
      kind?: string[];
      before?: string | null;
      limit?: number;
    },
    signal?: AbortSignal,
  ) =>
    call<{ messages: StoredMessage[]; before: string | null }>("GET", "/api/messages", {
      query,
      signal,
    }),

  tasks: (
    query: {
      agent?: string;
      state?: TaskState[];
      context?: string;
      before?: string | null;
      limit?: number;
    },
    signal?: AbortSignal,
  ) => call<{ tasks: Task[]; before: string | null }>("GET", "/api/tasks", { query, signal }),
  task: (id: string, signal?: AbortSignal) => call<Task>("GET", `/api/tasks/${at(id)}`, { signal }),
  log: (id: string, query: { after?: number; limit?: number }, signal?: AbortSignal) =>
    call<{ events: StoredEvent[]; next: number | null }>("GET", `/api/tasks/${at(id)}/log`, {
      query,
      signal,
    }),
  start: (body: {
    agent: string;
    content?: Json;
    params?: { [key: string]: Json };
    metadata?: { [key: string]: Json };
    priority?: number;
    idempotency_key?: string;
  }) => call<Task>("POST", "/api/tasks", { body }),
  cancel: (id: string) => call<Task>("POST", `/api/tasks/${at(id)}/cancel`),
  replay: (id: string) =>
    call<{
      fits: boolean;
      departs_at: string;
      recorded: Json;
      found: Json;
      steps: number;
      version: string;
      message: string;
    }>("POST", `/api/tasks/${at(id)}/replay`),
  rerun: (id: string, after: number | null) =>
    call<Task>("POST", `/api/tasks/${at(id)}/rerun`, { body: { after } }),
  steer: (id: string, text: string, noteId: string) =>
    call<{ task_id: string; id: string }>("POST", `/api/tasks/${at(id)}/steer`, {
      body: { text, id: noteId },
    }),
  answer: (id: string, question_id: string, answer: Answer) =>
    call<{ task_id: string; question_id: string; by: string }>(
      "POST",
      `/api/tasks/${at(id)}/answers`,
      { body: { question_id, answer } },
    ),
  questions: (query: { before?: string | null; limit?: number } = {}, signal?: AbortSignal) =>
    call<{ questions: AskedQuestion[]; before: string | null }>("GET", "/api/questions", {
      query,
      signal,
    }),

  deadLetters: (
    query: { agent?: string; before?: string | null; limit?: number },
    signal?: AbortSignal,
  ) =>
    call<{ dead_letters: DeadLetter[]; before: string | null }>("GET", "/api/dead-letters", {
      query,
      signal,
    }),
  deadLetter: (id: string, signal?: AbortSignal) =>
    call<DeadLetter>("GET", `/api/dead-letters/${at(id)}`, { signal }),
  retryLetter: (
    id: string,
    body: { content?: Json; agent?: string | null; metadata?: { [key: string]: Json } | null } = {},
  ) => call<{ task_id: string | null }>("POST", `/api/dead-letters/${at(id)}/retry`, { body }),
  discardLetter: (id: string) =>
    call<void>("DELETE", `/api/dead-letters/${at(id)}`, { keepalive: true }),

  prices: (signal?: AbortSignal) =>
    call<{ prices: { [model: string]: Price } }>("GET", "/api/prices", { signal }),

  health: (signal?: AbortSignal) => call<Health>("GET", "/api/health", { signal }),

  /** Store a file; it goes with a message as one of `metadata.files`. */
  upload: async (file: File, signal?: AbortSignal): Promise<FileRef> => {
    const init: RequestInit = {
      method: "POST",
      credentials: "same-origin",
      body: file,
      headers: { "content-type": file.type || "application/octet-stream" },
    };
    if (signal) init.signal = signal;
    const response = await fetch(`/api/files?name=${at(file.name)}`, init);
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw problemOf(response.status, body);
    return body as FileRef;
  },
};

export const fileUrl = (id: string): string => `/api/files/${at(id)}`;
