/** Which field it is that somebody complains of. */
import type { Problem } from "@/core/problem";
import type { Field } from "./fields";
import { objectOf, text } from "./refs";

/** What the gateway, or the workflow itself, has against which field. */
export function named(problem: Problem, fields: readonly Field[]): { [name: string]: string } {
  const found: { [name: string]: string } = {};
  const { errors } = problem.facts;
  for (const error of Array.isArray(errors) ? errors : []) {
    const one = objectOf(error);
    const place = Array.isArray(one?.loc) ? one.loc.map(String) : text(one?.field).split(".");
    const field = fields.find(({ name }) => place.includes(name));
    if (field) found[field.name] = text(one?.msg) || text(one?.message) || problem.message;
  }
  if (Object.keys(found).length > 0) return found;
  const field = namedIn(problem.message, fields);
  return field ? { [field.name]: problem.message } : {};
}

/** The one field that a text names. */
export function namedIn(said: string, fields: readonly Field[]): Field | undefined {
  const words = new Set(said.split(/[^\p{L}\p{N}_]+/u));
  const found = fields.filter(({ name }) => words.has(name));
  return found.length === 1 ? found[0] : undefined;
}
