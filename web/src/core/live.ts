/** The one socket of a page: it comes back by itself, and goes on where it was. */
import { Problem, problemOf } from "./problem";
import type { Frame, Json, Reply } from "./protocol";
import { bytes } from "./text";

export type LinkState = "connecting" | "live" | "reconnecting" | "offline" | "signed-out";

export interface LiveHandlers {
  onFrame(frame: Frame): void;
  onState(state: LinkState): void;
}

interface Pending {
  body: string;
  sent: boolean;
  /** How often the socket was lost while this was on its way. */
  losses: number;
  resolve(reply: Reply): void;
  reject(problem: Problem): void;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5_000;
const OFFLINE_AFTER = 15_000;
/** After so long without a word the gateway is asked for one, */
const QUIET_MS = 10_000;
/** and after so long without an answer the socket is dead, whatever the browser believes. */
const ANSWER_MS = 12_000;
const LOOK_MS = 2_500;
const SIGNED_OUT = 4401;
const TOO_LARGE = 1009;
/** A frame of this size that takes the socket with it again and again is not let through. */
const SUSPECT_LENGTH = 100_000;
const MOST_LOSSES = 3;

export class Live {
  readonly #url: string;
  readonly #handlers: LiveHandlers;
  readonly #pending = new Map<string, Pending>();
  readonly #slices = new Map<string, number>();
  #socket: WebSocket | undefined;
  #seq: string | null = null;
  /** Whether the place was given up: what came behind it is not told. */
  #hasLost = false;
  #pause = FIRST_PAUSE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watcher: ReturnType<typeof setInterval> | undefined;
  #heardAt = 0;
  /** Since when we wait for a word; 0 if we do not. */
  #askedAt = 0;
  #offlineTimer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;
  #page = "";
  #closed = false;
  #state: LinkState = "connecting";

  constructor(handlers: LiveHandlers, url = liveUrl()) {
    this.#handlers = handlers;
    this.#url = url;
  }

  /** What the gateway calls this page; empty as long as it has not told. */
  get page(): string {
    return this.#page;
  }

  open(): void {
    this.#closed = false;
    window.addEventListener("online", this.#hurry);
    window.addEventListener("offline", this.#doubt);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#watcher = setInterval(() => this.#watch(), LOOK_MS);
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    window.removeEventListener("online", this.#hurry);
    window.removeEventListener("offline", this.#doubt);
    document.removeEventListener("visibilitychange", this.#hurry);
    clearTimeout(this.#timer);
    clearInterval(this.#watcher);
    clearTimeout(this.#offlineTimer);
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Hear a slice until the returned function is called; several may want the same. */
  want(slice: string): () => void {
    const before = this.#slices.get(slice) ?? 0;
    this.#slices.set(slice, before + 1);
    if (before === 0 && this.#state === "live") this.#tell({ op: "sub", slices: [slice] });
    let wanted = true;
    return () => {
      if (!wanted) return;
      wanted = false;
      const left = (this.#slices.get(slice) ?? 1) - 1;
      if (left > 0) this.#slices.set(slice, left);
      else {
        this.#slices.delete(slice);
        if (this.#state === "live") this.#tell({ op: "unsub", slices: [slice] });
      }
    };
  }

  /** Ask for something that must be done once; it waits for the socket if that is away, until
   *  `signal` says that nobody wants it any more.
   *  @throws Problem what the gateway says against it; or it is too large to get there. */
  ask(frame: { op: string; [field: string]: Json }, signal?: AbortSignal): Promise<Reply> {
    const id = this.#nextId();
    return new Promise((resolve, reject) => {
      const body = JSON.stringify({ ...frame, id });
      this.#pending.set(id, { body, sent: false, losses: 0, resolve, reject });
      signal?.addEventListener("abort", () => {
        if (this.#pending.delete(id)) reject(new Problem(0, "aborted", "Stopped."));
      });
      this.#flush();
    });
  }

  /** Say something that nobody misses if it gets lost. */
  tell(frame: { op: string; [field: string]: Json }): void {
    if (this.#state === "live") this.#tell(frame);
  }

  #tell(frame: { op: string; [field: string]: Json }): void {
    this.#socket?.send(JSON.stringify({ ...frame, id: this.#nextId() }));
  }

  #nextId(): string {
    this.#count += 1;
    return `f${this.#count}`;
  }

  #connect(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#socket) return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#askedAt = Date.now();
    socket.onopen = () => {
      const id = this.#nextId();
      const slices = [...this.#slices.keys()];
      const subscribe: { [field: string]: Json } = { op: "sub", id, slices };
      if (this.#seq !== null) subscribe.after_seq = this.#seq;
      this.#pending.set(id, {
        body: "",
        sent: true,
        losses: 0,
        resolve: (reply) => {
          if (this.#seq === null && typeof reply.seq === "string") this.#seq = reply.seq;
          if (typeof reply.page === "string") this.#page = reply.page;
          this.#pause = FIRST_PAUSE;
          this.#enter("live");
          if (this.#hasLost && this.#seq !== null) {
            this.#hasLost = false;
            this.#handlers.onFrame({ seq: this.#seq, t: Date.now(), ev: [], gap: true });
          }
          const missing = [...this.#slices.keys()].filter((slice) => !slices.includes(slice));
          if (missing.length > 0) this.#tell({ op: "sub", slices: missing });
          this.#flush();
        },
        reject: (problem) => {
          // The place is one of another server, or too old: begin anew, with the lists.
          if (problem.status < 500) {
            this.#hasLost ||= this.#seq !== null;
            this.#seq = null;
          }
          socket.close();
        },
      });
      socket.send(JSON.stringify(subscribe));
    };
    socket.onmessage = (message) => this.#take(JSON.parse(String(message.data)) as Frame | Reply);
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#lost(event.code);
    };
  }

  #lost(code?: number): void {
    this.#socket = undefined;
    this.#giveUp(code === TOO_LARGE);
    // What was on its way may have arrived: it is sent again under the same id of its own.
    for (const pending of this.#pending.values()) pending.sent = false;
    for (const [id, pending] of this.#pending) if (pending.body === "") this.#pending.delete(id);
    if (this.#closed) return;
    if (code === SIGNED_OUT) {
      this.#enter("signed-out");
      return;
    }
    if (this.#state === "live") this.#enter("reconnecting");
    else if (this.#state === "reconnecting" && !navigator.onLine) this.#enter("offline");
    this.#offlineTimer ??= setTimeout(() => this.#enter("offline"), OFFLINE_AFTER);
    this.#timer = setTimeout(() => this.#connect(), this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2);
  }

  /** Refuse what takes the socket with it: nothing else would ever get through. */
  #giveUp(isTooLarge: boolean): void {
    const onTheWay = [...this.#pending].filter(([, one]) => one.sent && one.body !== "");
    const largest = Math.max(...onTheWay.map(([, one]) => one.body.length));
    for (const [id, one] of onTheWay) {
      one.losses += 1;
      const isSuspect = one.body.length > SUSPECT_LENGTH && one.losses >= MOST_LOSSES;
      if (!isSuspect && !(isTooLarge && one.body.length === largest)) continue;
      this.#pending.delete(id);
      const size = bytes(one.body.length);
      one.reject(new Problem(413, "too-large", `It is too large to be sent, with ${size}.`));
    }
  }

  #take(data: Frame | Reply): void {
    this.#heardAt = Date.now();
    this.#askedAt = 0;
    if ("re" in data) {
      const pending = this.#pending.get(data.re);
      this.#pending.delete(data.re);
      if (data.ok) pending?.resolve(data);
      else pending?.reject(problemOf(data.problem?.status ?? 500, data.problem));
      return;
    }
    if (data.seq !== null) this.#seq = data.seq;
    this.#handlers.onFrame(data);
  }

  /** Find out that nobody is behind the socket any more: a frozen gateway, a network in between. */
  #watch(): void {
    if (!this.#socket) return;
    const now = Date.now();
    if (this.#askedAt > 0) {
      if (now - this.#askedAt > ANSWER_MS) this.#doubt();
    } else if (now - this.#heardAt > QUIET_MS) {
      this.#askedAt = now;
      this.#tell({ op: "unsub", slices: [] });
    }
  }

  #flush(): void {
    const socket = this.#socket;
    if (this.#state !== "live" || socket?.readyState !== WebSocket.OPEN) return;
    for (const pending of this.#pending.values()) {
      if (pending.sent) continue;
      pending.sent = true;
      socket.send(pending.body);
    }
  }

  #enter(state: LinkState): void {
    if (state === "live" || state === "signed-out") {
      clearTimeout(this.#offlineTimer);
      this.#offlineTimer = undefined;
    }
    if (state === this.#state) return;
    this.#state = state;
    this.#handlers.onState(state);
  }

  readonly #hurry = (): void => {
    if (document.visibilityState === "hidden" || this.#socket) return;
    this.#pause = FIRST_PAUSE;
    this.#connect();
  };

  /** The network went: the socket may be dead without a word. A new one tells, and a gateway on
   *  this machine is still there. */
  readonly #doubt = (): void => {
    const socket = this.#socket;
    if (!socket) return;
    this.#lost();
    socket.close();
  };
}

function liveUrl(): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/api/live`;
}

export { Problem };
