import type { Json } from "./protocol";

/** What the gateway says when something cannot be done (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly facts: { [key: string]: Json };

  constructor(
    status: number,
    code: string,
    detail: string,
    requestId = "",
    facts: { [key: string]: Json } = {},
  ) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.facts = facts;
  }

  /** Whether the same may go through when it is tried again. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Read a problem document. */
export function problemOf(status: number, body: unknown): Problem {
  const facts = (typeof body === "object" && body !== null ? body : {}) as { [key: string]: Json };
  const detail =
    typeof facts.detail === "string" ? facts.detail : `The gateway answered ${status}.`;
  const code = typeof facts.code === "string" ? facts.code : "unknown";
  const requestId = typeof facts.request_id === "string" ? facts.request_id : "";
  return new Problem(status, code, detail, requestId, facts);
}

/** Whatever was thrown, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof DOMException && error.name === "AbortError")
    return new Problem(0, "aborted", "Stopped.");
  if (error instanceof TypeError)
    return new Problem(0, "unreachable", "The gateway cannot be reached.");
  return new Problem(0, "unexpected", error instanceof Error ? error.message : String(error));
}
