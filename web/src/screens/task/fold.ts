/** What a task's log adds up to: how it stands, and what a person should see of it. */
import { stateAfter } from "@/core/mesh/tasks";
import type { StoredEvent } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { textOf } from "@/core/text";
import { add, change, type Draft, note, place, use } from "./draft";
import { errorText, object, text } from "./facts";
import {
  answered,
  asked,
  child,
  claim,
  cutOff,
  end,
  imageSource,
  progress,
  read,
  rest,
  step,
  toolResult,
} from "./taking";
import { type TaskView, UNSTARTED } from "./view";

/** Add events to what earlier ones came to. What did not change stays the same object. */
export function extend(view: TaskView, events: readonly StoredEvent[]): TaskView {
  if (events.length === 0) return view;
  const draft: Draft = { ...view, items: [...view.items], places: new Map(view.places) };
  for (const event of events) take(draft, event);
  return draft;
}

export const foldTask = (events: readonly StoredEvent[]): TaskView => extend(UNSTARTED, events);

function take(draft: Draft, event: StoredEvent): void {
  const { kind, at, sequence, data } = event;
  draft.count += 1;
  draft.sequence = sequence;
  draft.at = at;
  const state = stateAfter(kind) ?? "working";
  draft.state = state;
  if (state === "working") draft.rests = "";
  const base = { sequence, at };
  switch (kind) {
    case "claimed":
      claim(draft, event);
      break;
    case "released":
      draft.rests = "worker";
      cutOff(draft);
      note(draft, event, `Given back: ${text(data.reason) || "its process stops"}`);
      break;
    case "parked":
    case "waiting":
      draft.rests = kind === "parked" ? "person" : text(data.again_at) ? "time" : "task";
      draft.againAt = text(data.again_at);
      rest(draft, data.questions);
      // It was no attempt that failed, and the next claim counts the same one again.
      break;
    case "retrying":
      draft.rests = "retry";
      draft.againAt = text(data.again_at);
      draft.errors = [...draft.errors, text(data.error)];
      cutOff(draft);
      note(draft, event, `Attempt ${text(data.attempt) || draft.attempt} failed`, true);
      break;
    case "said":
      add(draft, { ...base, kind, text: text(data.text), agent: text(data.agent) });
      break;
    case "image":
      add(draft, {
        ...base,
        kind,
        caption: text(data.caption),
        source: imageSource(data),
        url: text(data.url),
      });
      break;
    case "progress":
      progress(draft, event);
      break;
    case "tool_call":
      place(draft, `tool:${text(data.id) || text(data.name)}`, {
        ...base,
        kind: "tool",
        name: text(data.name),
        callId: text(data.id),
        arguments: data.arguments ?? null,
        result: null,
        endedAt: "",
      });
      break;
    case "tool_result":
      toolResult(draft, event);
      break;
    case "step_started":
    case "step_retrying":
    case "step":
      step(draft, event);
      break;
    case "replied":
      add(draft, {
        ...base,
        kind: "request",
        to: text(data.to_agent),
        text: textOf(object(data.reply)?.content ?? data.text),
        error: errorText(data.error),
      });
      break;
    case "sent":
      place(draft, `sent:${text(data.message_id)}`, {
        ...base,
        kind,
        type: text(data.message_type),
        to: text(data.to_agent),
        taskId: text(data.message_id),
        outcome: null,
        refused: "",
      });
      break;
    case "unsent":
      change(draft, `sent:${text(data.message_id)}`, "sent", (item) => ({
        ...item,
        refused: text(data.error) || "refused",
      }));
      break;
    case "child":
      child(draft, event);
      break;
    case "told":
      note(draft, event, "Told everybody something");
      break;
    case "asked":
      asked(draft, event);
      break;
    case "answered":
    case "timed_out":
      answered(draft, event);
      break;
    case "steered":
      place(draft, `steered:${text(data.id)}`, {
        ...base,
        kind,
        by: text(data.by),
        text: text(data.text),
        state: "unread",
      });
      break;
    case "notes_read":
      read(draft, data.ids);
      break;
    case "sleeping":
      draft.againAt = text(data.until);
      note(draft, event, "Sleeps until", false, data);
      break;
    case "taken_over":
      // What stands before it was done by another task, and paid for there.
      draft.usage = UNSTARTED.usage;
      note(draft, event, "Up to here taken over from", false, data);
      break;
    case "woken":
    case "now":
      break;
    case "phase":
      note(draft, event, text(data.phase) || text(data.name) || "Phase");
      break;
    case "usage":
      use(draft, data);
      break;
    case "model":
      use(draft, object(data.usage));
      break;
    default:
      if (FINAL_STATES.has(state)) end(draft, event, state);
      else note(draft, event, kind.replaceAll("_", " "), false, data);
  }
}
