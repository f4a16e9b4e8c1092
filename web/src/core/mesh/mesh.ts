/** All that the page knows of the mesh, and the one place where it comes in. */
import { api } from "../api";
import { type LinkState, Live } from "../live";
import { asProblem, type Problem } from "../problem";
import type { Answer, Frame, Json, LogEvent, Session, Task } from "../protocol";
import { Slice } from "../slice";
import type { Mark } from "../swimlane";
import { AgentStore } from "./agents";
import { FeedStore } from "./feed";
import { nameGateway } from "./gateway";
import { MarkStore, markOfLog, markOfMessage } from "./marks";
import { type Message, ofEvent, ofStored } from "./message";
import { Outbox } from "./outbox";
import { QuestionStore } from "./questions";
import { StatsStore } from "./stats";
import { TaskLogStore } from "./tasklog";
import { TaskStore } from "./tasks";

const FIRST_PAGE = 300;
const REFRESH_MS = 1_000;
const SWEEP_MS = 5_000;

/** Whether the page is in touch with what it shows. */
export interface Link {
  readonly state: LinkState;
  /** Whether the gateway reaches the NATS server. */
  readonly nats: boolean;
  /** When something was heard last, by our clock. */
  readonly heardAt: number;
  /** How much later than the gateway sent it the last frame came, in ms. */
  readonly lag: number;
  /** How often something was left out because we were slow or away. */
  readonly gaps: number;
}

export interface Loaded {
  readonly done: boolean;
  readonly problem: Problem | null;
}

type Part = "agents" | "messages" | "tasks" | "questions" | "letters";

export class Mesh {
  readonly session: Session;
  readonly agents = new AgentStore();
  readonly feed = new FeedStore();
  readonly tasks = new TaskStore();
  readonly questions = new QuestionStore();
  readonly marks = new MarkStore();
  readonly stats = new StatsStore();
  readonly outbox: Outbox;
  /** How many dead letters came or went since the list was read: a view reads it anew. */
  readonly letters = new Slice<number>(0, 500);
  readonly link = new Slice<Link>(
    { state: "connecting", nats: true, heardAt: 0, lag: 0, gaps: 0 },
    100,
  );
  readonly loaded = new Slice<{ readonly [part in Part]?: Loaded }>({});
  readonly live: Live;
  readonly #logs = new Map<string, { store: TaskLogStore; users: number; unwant: () => void }>();
  readonly #due = new Map<Part, ReturnType<typeof setTimeout>>();
  readonly #stale = new Set<string>();
  #isRead = false;
  #sweeper: ReturnType<typeof setInterval> | undefined;

  constructor(session: Session) {
    this.session = session;
    nameGateway(session.gateway);
    this.live = new Live({
      onFrame: (frame) => this.#take(frame),
      onState: (state) => this.#entered(state),
    });
    this.outbox = new Outbox(this.live, session.user ?? "");
  }

  /** Whether the person may answer, cancel and retry what others have started. */
  get isOperator(): boolean {
    return this.session.role === "operator" || this.session.role === "admin";
  }

  /** Whether the person may answer what a task asks. */
  mayAnswer(task: Task): boolean {
    return this.isOperator || !task.owner || task.owner === this.session.user;
  }

  get seesAll(): boolean {
    return this.session.role !== "user";
  }

  open(): void {
    for (const slice of ["agents", "messages", "tasks", "dead"]) this.live.want(slice);
    this.live.open();
    this.stats.open(() => this.agents.slice.value);
    this.#sweeper = setInterval(() => this.questions.sweep(), SWEEP_MS);
  }

  close(): void {
    this.live.close();
    this.stats.close();
    clearInterval(this.#sweeper);
    for (const timer of this.#due.values()) clearTimeout(timer);
    for (const { store } of this.#logs.values()) store.stop();
  }

  /** Read all lists anew. */
  refresh(): void {
    for (const part of ["agents", "messages", "tasks", "questions"] as const) void this.#load(part);
    this.#lettersChanged();
    for (const { store } of this.#logs.values()) void store.read();
  }

  /** Follow the log of a task until the returned function is called. */
  watch(taskId: string): [TaskLogStore, () => void] {
    let watched = this.#logs.get(taskId);
    if (!watched) {
      const store = new TaskLogStore(taskId);
      watched = { store, users: 0, unwant: this.live.want(`task:${taskId}`) };
      this.#logs.set(taskId, watched);
      void store.read();
    }
    const found = watched;
    found.users += 1;
    return [
      found.store,
      () => {
        found.users -= 1;
        // A view that is put up again at once, under another parent, goes on with the same.
        setTimeout(() => {
          if (found.users > 0 || this.#logs.get(taskId) !== found) return;
          this.#logs.delete(taskId);
          found.store.stop();
          found.unwant();
        }, 1_000);
      },
    ];
  }

  /** Answer a question.
   *  @throws Problem somebody was quicker (409), or it does not fit. */
  async answer(taskId: string, questionId: string, answer: Answer): Promise<void> {
    const me = this.session.user ?? "";
    try {
      await api.answer(taskId, questionId, answer);
      const at = new Date().toISOString();
      const isSecret = this.questions.get(taskId, questionId)?.question.secret ?? false;
      const shown = isSecret ? undefined : (answer as Json);
      this.questions.close(taskId, questionId, { by: me, at, answer: shown, isPending: true });
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code === "already-answered") {
        const by = String(problem.facts.by ?? "somebody");
        const at = String(problem.facts.at ?? "");
        this.questions.close(taskId, questionId, { by, at, isPending: false });
      }
      throw problem;
    }
  }

  /** Tell the others that the person looks at a question. */
  look(taskId: string, questionId: string, state: "looking" | "typing" | "left"): void {
    this.live.tell({ op: "look", task_id: taskId, question_id: questionId, state });
  }

  /** Read the page of messages before those that are there. */
  async readOlder(): Promise<void> {
    const { before } = this.feed.slice.value;
    if (before === null) return;
    const page = await api.messages({ before, limit: FIRST_PAGE });
    this.feed.prepend(messagesOf(page.messages), page.before);
  }

  #take(frame: Frame): void {
    const now = Date.now();
    const link = this.link.value;
    const messages: Message[] = [];
    const marks: Mark[] = [];
    for (const event of frame.ev) {
      switch (event.k) {
        case "msg":
          messages.push(ofEvent(event));
          break;
        case "beat":
          if (this.agents.hear(event, now)) this.#soon("agents");
          break;
        case "delta":
          this.#logs.get(event.task_id)?.store.write(event);
          break;
        case "dead":
          this.#lettersChanged();
          break;
        case "look":
          if (event.page !== this.live.page) this.questions.look(event);
          break;
        case "mesh":
          if (event.connected && !link.nats) this.#soon("agents");
          this.link.set({ ...this.link.value, nats: event.connected });
          break;
        default: {
          this.#hearOfTask(event);
          const mark = markOfLog(event);
          if (mark) marks.push(mark);
        }
      }
    }
    const fresh = this.feed.add(messages);
    this.stats.add(fresh);
    this.marks.add([...fresh.map(markOfMessage), ...marks]);
    const gaps = link.gaps + (frame.gap ? 1 : 0);
    const lag = Math.max(0, now - frame.t);
    this.link.set({ ...this.link.value, heardAt: now, lag, gaps });
    if (frame.gap) this.refresh();
  }

  #lettersChanged(): void {
    this.letters.set(this.letters.value + 1);
  }

  #hearOfTask(event: LogEvent): void {
    this.#logs.get(event.task_id)?.store.hear(event);
    if (!event.pending && this.tasks.hear(event)) {
      this.#stale.add(event.task_id);
      this.#soon("tasks");
    }
    this.questions.hear(event, this.tasks.get(event.task_id));
  }

  #entered(state: LinkState): void {
    const before = this.link.value;
    this.link.set({ ...before, state });
    if (state !== "live") return;
    // The first time there is nothing; later what was missed comes by itself, or a gap is told.
    if (this.#isRead) void this.#load("agents");
    else this.refresh();
    this.#isRead = true;
  }

  #soon(part: Part): void {
    if (this.#due.has(part)) return;
    this.#due.set(
      part,
      setTimeout(() => {
        this.#due.delete(part);
        void this.#load(part);
      }, REFRESH_MS),
    );
  }

  async #load(part: Part): Promise<void> {
    try {
      switch (part) {
        case "agents":
          this.agents.reset((await api.agents()).agents);
          break;
        case "messages": {
          if (!this.seesAll) break;
          const page = await api.messages({ limit: FIRST_PAGE });
          const past = messagesOf(page.messages);
          this.feed.reset(past, page.before);
          const unheard = past.filter((one) => !this.marks.has(one.key));
          this.stats.addPast(unheard);
          this.marks.add(unheard.map(markOfMessage));
          break;
        }
        case "tasks": {
          const stale = [...this.#stale];
          this.#stale.clear();
          const few = stale.length > 0 && stale.length <= 5;
          const tasks = few
            ? await Promise.all(stale.map((id) => api.task(id)))
            : (await api.tasks({ limit: 100 })).tasks;
          this.tasks.put(tasks);
          this.questions.know(tasks);
          break;
        }
        case "questions": {
          const askedAt = Date.now();
          this.questions.reset((await api.questions({ limit: 200 })).questions, askedAt);
          break;
        }
        default:
          break;
      }
      this.#note(part, { done: true, problem: null });
    } catch (error) {
      this.#note(part, { done: this.loaded.value[part]?.done ?? false, problem: asProblem(error) });
    }
  }

  #note(part: Part, loaded: Loaded): void {
    this.loaded.set({ ...this.loaded.value, [part]: loaded });
  }
}

function messagesOf(stored: Parameters<typeof ofStored>[0][]): Message[] {
  return stored.map(ofStored).filter((one): one is Message => one !== null);
}
