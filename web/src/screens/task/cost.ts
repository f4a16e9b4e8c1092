/** What a task has used of models, call by call. */
import type { Json, Price, StoredEvent } from "@/core/protocol";
import { object, text } from "./facts";

export interface Call {
  readonly sequence: number;
  readonly at: number;
  readonly model: string;
  readonly requests: number;
  readonly input: number;
  readonly output: number;
  /** Of all calls up to this one. */
  readonly total: number;
}

export function callsOf(events: readonly StoredEvent[]): readonly Call[] {
  const calls: Call[] = [];
  let total = 0;
  for (const { kind, sequence, at, data } of events) {
    if (kind === "taken_over") {
      // What stands before it was paid for by another task.
      calls.length = 0;
      total = 0;
      continue;
    }
    const used = kind === "usage" ? data : kind === "model" ? object(data.usage) : undefined;
    if (!used) continue;
    const input = whole(used.input_tokens);
    const output = whole(used.output_tokens);
    const requests = whole(used.requests);
    if (input + output + requests === 0) continue;
    total += input + output;
    calls.push({
      sequence,
      at: Date.parse(at),
      model: text(data.model),
      requests,
      input,
      output,
      total,
    });
  }
  return calls;
}

const whole = (value: Json | undefined): number =>
  typeof value === "number" && Number.isFinite(value) ? value : 0;

/**
 * What calls cost in USD; null if one of their models has no price.
 *
 * @param prices in USD per million tokens, by model.
 */
export function priceOf(
  calls: readonly Call[],
  prices: { readonly [model: string]: Price },
): number | null {
  let sum = 0;
  for (const { model, input, output } of calls) {
    const price = prices[model];
    if (!price) return null;
    sum += (input * price.input + output * price.output) / 1e6;
  }
  return calls.length > 0 ? sum : null;
}
