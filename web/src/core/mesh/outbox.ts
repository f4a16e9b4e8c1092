/** What the person has said and the gateway has not stored yet: marked, and sent once it can be. */
import type { Live } from "../live";
import { asProblem, Problem } from "../problem";
import type { FileRef, Json } from "../protocol";
import { Slice } from "../slice";
import { keep, kept, ofTab } from "../storage";

export interface Outgoing {
  readonly id: string;
  readonly kind: "direct" | "handoff" | "broadcast";
  readonly to: string;
  readonly text: string;
  readonly context: string;
  readonly files: readonly FileRef[];
  readonly at: number;
  readonly problem: Problem | null;
}

export interface Said {
  kind: "direct" | "handoff" | "broadcast";
  to?: string;
  text: string;
  context?: string;
  files?: readonly FileRef[];
}

const KEY = "outbox";
const MOST_STORED = 200;
/** The gateway takes the same message once within two minutes; after that it may be there already. */
const SURE_MS = 100_000;

type Kept = Omit<Outgoing, "problem"> & { readonly problem: string };

export class Outbox {
  readonly slice = new Slice<readonly Outgoing[]>([]);
  /** Under which id what was sent is stored, by its id here. */
  readonly stored = new Map<string, string>();
  readonly #live: Pick<Live, "ask">;
  readonly #onTheWay = new Map<string, AbortController>();

  /** Takes up what the tab still had to send when it was loaded anew. */
  constructor(live: Pick<Live, "ask">, user: string, where = ofTab) {
    this.#live = live;
    const now = Date.now();
    const left = kept<readonly Kept[]>(KEY, user, [], where).map((one): Outgoing => {
      const reason =
        one.problem ||
        (now - one.at > SURE_MS && "The page was left before it was known whether this was sent.");
      return { ...one, problem: reason ? new Problem(0, "left", reason) : null };
    });
    this.slice.set(left);
    this.slice.subscribe(() =>
      keep(
        KEY,
        user,
        this.slice.value.map((one): Kept => ({ ...one, problem: one.problem?.message ?? "" })),
        where,
      ),
    );
    for (const one of left) if (!one.problem) void this.#deliver(one);
  }

  /** Say something. Resolves to the id of the task that it opens; null if it opens none, or if
   *  it was refused: then it stays in the outbox with the reason. */
  async send(said: Said): Promise<string | null> {
    const outgoing: Outgoing = {
      id: crypto.randomUUID(),
      kind: said.kind,
      to: said.to ?? "",
      text: said.text,
      context: said.context ?? "",
      files: said.files ?? [],
      at: Date.now(),
      problem: null,
    };
    this.slice.set([...this.slice.value, outgoing]);
    return this.#deliver(outgoing);
  }

  retry(id: string): Promise<string | null> {
    const found = this.slice.value.find((one) => one.id === id);
    if (!found) return Promise.resolve(null);
    const again = { ...found, problem: null };
    this.#replace(again);
    return this.#deliver(again);
  }

  /** Forget a message; one that waits for the connection is not sent any more. */
  drop(id: string): void {
    this.#onTheWay.get(id)?.abort();
    this.slice.set(this.slice.value.filter((one) => one.id !== id));
  }

  async #deliver(outgoing: Outgoing): Promise<string | null> {
    const frame: { op: string; [field: string]: Json } = {
      op: "send",
      kind: outgoing.kind,
      content: outgoing.text,
      message_id: outgoing.id,
    };
    if (outgoing.to) frame.agent = outgoing.to;
    if (outgoing.context) frame.context_id = outgoing.context;
    if (outgoing.files.length > 0)
      frame.metadata = { files: outgoing.files.map((file) => ({ ...file })) };
    const stop = new AbortController();
    this.#onTheWay.set(outgoing.id, stop);
    try {
      const reply = await this.#live.ask(frame, stop.signal);
      if (typeof reply.message_id === "string") {
        this.stored.set(outgoing.id, reply.message_id);
        if (this.stored.size > MOST_STORED)
          for (const old of [...this.stored.keys()].slice(0, MOST_STORED / 2))
            this.stored.delete(old);
      }
      this.drop(outgoing.id);
      return typeof reply.task_id === "string" ? reply.task_id : null;
    } catch (error) {
      this.#replace({ ...outgoing, problem: asProblem(error) });
      return null;
    } finally {
      this.#onTheWay.delete(outgoing.id);
    }
  }

  #replace(outgoing: Outgoing): void {
    this.slice.set(this.slice.value.map((one) => (one.id === outgoing.id ? outgoing : one)));
  }
}
