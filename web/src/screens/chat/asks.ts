/** Questions to agents that are there now: asked, answered piece by piece. The gateway keeps both
 *  for when the page is opened again. */
import { asProblem, Problem, problemOf } from "@/core/problem";
import type { FileRef } from "@/core/protocol";
import { Slice } from "@/core/slice";
import { agentToken } from "@/core/text";

export interface Ask {
  readonly id: string;
  /** The person who asks. */
  readonly by: string;
  readonly agent: string;
  readonly token: string;
  readonly text: string;
  readonly files: readonly FileRef[];
  readonly at: number;
  readonly answer: string;
  readonly state: "waiting" | "writing" | "done" | "failed" | "stopped";
  /** How long the answer took, in ms. */
  readonly latency: number | null;
  readonly problem: Problem | null;
}

const MOST = 100;
const SECONDS = 120;

export const asks = new Slice<readonly Ask[]>([], 50);
const running = new Map<string, AbortController>();

function change(id: string, to: Partial<Ask>): void {
  asks.set(asks.value.map((one) => (one.id === id ? { ...one, ...to } : one)));
}

export function ask(by: string, agent: string, text: string, files: readonly FileRef[]): void {
  const asked: Ask = {
    id: crypto.randomUUID(),
    by,
    agent,
    token: agentToken(agent),
    text,
    files,
    at: Date.now(),
    answer: "",
    state: "waiting",
    latency: null,
    problem: null,
  };
  asks.set([...asks.value.slice(1 - MOST), asked]);
  void run(asked);
}

export function askAgain(id: string): void {
  const found = asks.value.find((one) => one.id === id);
  if (!found) return;
  dropAsk(id);
  ask(found.by, found.agent, found.text, found.files);
}

export function stopAsk(id: string): void {
  running.get(id)?.abort();
}

export function dropAsk(id: string): void {
  stopAsk(id);
  asks.set(asks.value.filter((one) => one.id !== id));
}

async function run({ id, agent, text, files, at }: Ask): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  let answer = "";
  let isWhole = false;
  try {
    const response = await fetch("/api/requests", {
      method: "POST",
      credentials: "same-origin",
      headers: { accept: "text/event-stream", "content-type": "application/json" },
      body: JSON.stringify({
        agent,
        content: text,
        timeout: SECONDS,
        keep: true,
        ...(files.length > 0 ? { metadata: { files } } : {}),
      }),
      signal: controller.signal,
    });
    if (!response.ok || !response.body)
      throw problemOf(response.status, await response.json().catch(() => undefined));
    const read = readEvents((kind, data) => {
      const facts = JSON.parse(data) as { text?: string; status?: number };
      if (kind === "error") throw problemOf(facts.status ?? 502, facts);
      if (kind === "end") isWhole = true;
      if (kind !== "delta") return;
      answer += facts.text ?? "";
      change(id, { answer, state: "writing" });
    });
    const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await pieces.read(); !piece.done; piece = await pieces.read())
      read(piece.value);
    if (!isWhole) throw new Problem(0, "cut-off", "The answer was cut off.");
    change(id, { state: "done", latency: Date.now() - at });
  } catch (error) {
    if (controller.signal.aborted) change(id, { state: "stopped" });
    else change(id, { state: "failed", problem: asProblem(error) });
  } finally {
    running.delete(id);
  }
}

/** Read server-sent events that come in pieces of any length. */
export function readEvents(onEvent: (kind: string, data: string) => void): (piece: string) => void {
  let rest = "";
  return (piece) => {
    const parts = (rest + piece).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      let kind = "message";
      const data: string[] = [];
      for (const line of part.split("\n")) {
        if (line.startsWith("event: ")) kind = line.slice(7);
        else if (line.startsWith("data: ")) data.push(line.slice(6));
      }
      if (data.length > 0) onEvent(kind, data.join("\n"));
    }
  };
}
