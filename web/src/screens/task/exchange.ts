/** What a task sent and received, in order. */
import type { Json } from "@/core/protocol";
import { textOf } from "@/core/text";
import { starterOf, type TaskView } from "./view";

export interface Exchanged {
  readonly key: string;
  readonly isSent: boolean;
  readonly kind: "direct" | "handoff" | "completion" | "request" | "reply" | "broadcast";
  readonly with: string;
  readonly text: string;
  readonly at: string;
  readonly isBad: boolean;
  /** The task that it opened or ended. */
  readonly taskId: string;
  readonly messageId: string;
}

export function exchanged(view: TaskView, taskId: string): readonly Exchanged[] {
  const found: Exchanged[] = [];
  const put = (one: Omit<Exchanged, "key">) => found.push({ ...one, key: `${found.length}` });
  let opener = "";
  for (const item of view.items) {
    const { at } = item;
    if (item.kind === "opening") {
      opener = starterOf(item) || item.from;
      put({
        isSent: false,
        kind: "direct",
        with: opener,
        text: contentText(item.content, item.params),
        at,
        isBad: false,
        taskId: "",
        messageId: taskId,
      });
    } else if (item.kind === "request") {
      put({
        isSent: false,
        kind: "reply",
        with: item.to,
        text: item.error || item.text,
        at,
        isBad: item.error !== "",
        taskId: "",
        messageId: "",
      });
    } else if (item.kind === "sent") {
      put({
        isSent: true,
        kind: item.type === "handoff" ? "handoff" : "direct",
        with: item.to,
        text: item.refused,
        at,
        isBad: item.refused !== "",
        taskId: item.taskId,
        messageId: item.taskId,
      });
      if (item.outcome)
        put({
          isSent: false,
          kind: "completion",
          with: item.to,
          text: item.outcome.error || textOf(item.outcome.result),
          at: item.outcome.at,
          isBad: item.outcome.state !== "completed",
          taskId: item.taskId,
          messageId: "",
        });
    } else if (item.kind === "note" && item.name === "told") {
      put({
        isSent: true,
        kind: "broadcast",
        with: "everybody",
        text: "",
        at,
        isBad: false,
        taskId: "",
        messageId: "",
      });
    } else if (item.kind === "end") {
      put({
        isSent: true,
        kind: "completion",
        with: opener,
        text: item.error || textOf(item.result),
        at,
        isBad: item.state !== "completed",
        taskId: "",
        messageId: "",
      });
    }
  }
  return found.sort((a, b) => a.at.localeCompare(b.at));
}

function contentText(content: Json, params: { readonly [name: string]: Json } | null): string {
  const said = textOf(content);
  if (said && said !== "{}") return said;
  return params ? JSON.stringify(params) : said;
}
