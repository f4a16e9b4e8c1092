/** What cards and lists say about a question. */
import type { Answered, Look, OpenQuestion } from "@/core/mesh/questions";
import type { Json, Question, Task } from "@/core/protocol";
import { brief, duration, textOf } from "@/core/text";
import { changes, plain } from "./arguments";

/** What kind of question it is, in a word. */
export function kindName({ kind, secret }: Pick<Question, "kind" | "secret">): string {
  if (kind === "approval") return "approval";
  if (kind === "text") return secret ? "secret" : "question";
  return kind === "choice" ? "choice" : "choices";
}

/** What it asks, in words, also if it has no prompt of its own. */
export function headline({ kind, prompt, tool, reason }: Question): string {
  if (kind === "approval" && tool) return reason ? `${tool}: ${reason}` : `May ${tool} be used?`;
  return prompt || tool || "A question without words";
}

/** Whether the prompt of an approval says more than that a tool waits for it. */
export function hasOwnPrompt({ prompt, tool, reason }: Question): boolean {
  return !["", tool, reason, `May ${tool} be used?`].includes(prompt);
}

/** Who else looks at a question or writes an answer; empty if nobody does. */
export function whoLooks(looks: readonly Look[], me: string | null): string {
  const state = new Map<string, Look["state"]>();
  for (const look of looks) if (state.get(look.user) !== "typing") state.set(look.user, look.state);
  const typing = [...state].filter(([, doing]) => doing === "typing").map(([user]) => user);
  const names = typing.length > 0 ? typing : [...state.keys()];
  if (names.length === 0) return "";
  const doing = typing.length > 0 ? "typing" : "looking";
  const [first] = names;
  if (names.length === 1)
    return first === me ? `You are ${doing} in another window` : `${first} is ${doing}`;
  const others = names.map((name) => (name === me ? "you" : name));
  const listed = others.length > 3 ? `${others.length} people` : inWords(others);
  return `${listed} are ${doing}`;
}

/** What somebody has answered: `Grace approved`, `You answered`, `Nobody answered in time`. */
export function whoAnswered({ by, answer }: Answered, me: string | null): string {
  if (!by) return "Nobody answered in time";
  const who = by === me ? "You" : by;
  const decision = decisionOf(answer);
  if (decision === "approve") return `${who} approved`;
  return decision === "reject" ? `${who} rejected` : `${who} answered`;
}

/** The answer itself, in one text; empty if there is no more to it, or it is not to be seen. */
export function answerText({ question, answered }: OpenQuestion): string {
  const answer = answered?.answer;
  if (answer === null || answer === undefined) return "";
  if (Array.isArray(answer)) return answer.length > 0 ? answer.map(plain).join(", ") : "none";
  if (typeof answer !== "object") return plain(answer);
  const comment = typeof answer.comment === "string" ? answer.comment : "";
  const asked = (question.arguments ?? {}) as { [name: string]: Json };
  const edited = answer.arguments ? changes(asked, answer.arguments) : [];
  const told = edited.map(({ path, after }) =>
    after === undefined ? `without ${path}` : `${path}: ${plain(after)}`,
  );
  return [...told, comment].filter(Boolean).join(", ");
}

/** What came of an answer that has been taken in, as far as the task tells; empty if it does not. */
export function whatCame(task: Pick<Task, "state" | "result" | "error"> | undefined): string {
  const because = (text: string): string => (text ? `: ${brief(text)}` : ".");
  switch (task?.state) {
    case "working":
    case "submitted":
      return "The task goes on.";
    case "completed":
      return `The task is done${because(textOf(task.result as Json))}`;
    case "failed":
      return `The task failed${because(task.error ?? "")}`;
    case "canceled":
      return "The task was stopped.";
    case "rejected":
      return `The task was turned down${because(task.error ?? "")}`;
    default:
      return "";
  }
}

/** How long it can still be answered; null if for ever, 0 if it is too late. */
export function timeLeft({ expires_at: until }: Question, now: number): number | null {
  return until ? Math.max(0, Date.parse(until) - now) : null;
}

/** `4:05` below an hour, then in one unit. */
export function countdown(ms: number): string {
  if (ms >= 3_600_000) return duration(ms);
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function decisionOf(answer: Json | undefined): Json | undefined {
  return answer && typeof answer === "object" && !Array.isArray(answer)
    ? answer.decision
    : undefined;
}

function inWords(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
