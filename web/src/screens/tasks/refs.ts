/** The parts of a JSON schema, and what its references stand for. */
import type { Json } from "@/core/protocol";

export type Schema = { readonly [key: string]: Json };

/** Put what a reference stands for in its place; what is said beside it counts. */
export function resolve(schema: Schema, root: Schema): Schema {
  let found = schema;
  for (let depth = 0; depth < 8; depth += 1) {
    const [all] = Array.isArray(found.allOf) && found.allOf.length === 1 ? found.allOf : [];
    const reference = found.$ref ?? objectOf(all)?.$ref;
    const inner = typeof reference === "string" ? pointed(reference, root) : objectOf(all);
    if (!inner) return found;
    const { $ref: _, allOf: __, ...beside } = found;
    found = { ...inner, ...beside };
  }
  return found;
}

function pointed(reference: string, root: Schema): Schema | undefined {
  if (!reference.startsWith("#/")) return undefined;
  let found: Json | undefined = root as { [key: string]: Json };
  for (const part of reference.slice(2).split("/"))
    found = objectOf(found)?.[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  return objectOf(found);
}

export function objectOf(value: Json | undefined): { [key: string]: Json } | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

/** A value as a control writes it. */
export const text = (value: Json | undefined): string =>
  value === undefined || value === null
    ? ""
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
