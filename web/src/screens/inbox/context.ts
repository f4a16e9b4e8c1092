/** What happened in a task before it asked, in a few lines. */
import type { Json, StoredEvent, Task } from "@/core/protocol";
import { textOf } from "@/core/text";

export interface Line {
  readonly key: string;
  readonly kind: "start" | "said" | "tool" | "result" | "sent" | "answer" | "trouble";
  readonly who: string;
  readonly text: string;
  readonly at: string;
}

/** The task's content, and the last of what is worth telling, oldest first. */
export function contextOf(task: Task, events: readonly StoredEvent[], most = 8): Line[] {
  const told = events.map((event) => lineOf(task, event)).filter((line) => line !== null);
  const content = textOf(task.content as Json);
  const start: Line[] = content
    ? [{ key: "start", kind: "start", who: task.owner, text: content, at: task.created_at }]
    : [];
  return [...start, ...told.slice(-most)];
}

function lineOf(task: Task, { sequence, kind, at, data }: StoredEvent): Line | null {
  const line = (of: Line["kind"], text: string, who = task.agent): Line => ({
    key: String(sequence),
    kind: of,
    who,
    text,
    at,
  });
  switch (kind) {
    case "said":
      return line("said", textOf(data.text), textOf(data.agent) || task.agent);
    case "tool_call":
      return line("tool", `${textOf(data.name)} ${textOf(data.arguments)}`);
    case "tool_result":
      return line("result", `${textOf(data.name)}: ${textOf(data.result)}`);
    case "sent":
      return line("sent", `${textOf(data.message_type)} to ${textOf(data.to_agent)}`);
    case "retrying":
      return line("trouble", textOf(data.error));
    case "answered": {
      const text = data.hidden ? "not shown" : textOf(data.answer);
      return line("answer", text, textOf(data.by));
    }
    default:
      return null;
  }
}
