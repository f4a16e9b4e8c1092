/** What a schema lets one choose from, and what a value of it may look like. */
import type { Json } from "@/core/protocol";
import { objectOf, resolve, type Schema } from "./refs";

export interface Option {
  readonly id: string;
  readonly value: Json;
}

export function optionsOf(schema: Schema): readonly Option[] {
  const values = Array.isArray(schema.enum)
    ? schema.enum
    : schema.const !== undefined
      ? [schema.const]
      : [];
  const others = new Set(
    values.filter((one) => typeof one !== "string").map((one) => JSON.stringify(one)),
  );
  return values
    .filter((value) => value !== null)
    .map((value) => ({
      // "1" beside 1 has to be told apart.
      id: typeof value === "string" && !others.has(value) ? value : JSON.stringify(value),
      value,
    }));
}

/** Something of the form that a schema asks for. */
export function exampleOf(given: Schema, root: Schema, depth = 0): Json {
  const schema = resolve(given, root);
  const [first] = Array.isArray(schema.anyOf) ? schema.anyOf : [];
  if (schema.default !== undefined) return schema.default;
  if (depth > 4) return null;
  if (first !== undefined) return exampleOf(objectOf(first) ?? {}, root, depth + 1);
  const [option] = optionsOf(schema);
  if (option) return option.value;
  switch (schema.type) {
    case "string":
      return "…";
    case "integer":
    case "number":
      return typeof schema.minimum === "number" ? schema.minimum : 0;
    case "boolean":
      return false;
    case "array": {
      const fixed = Array.isArray(schema.prefixItems) ? schema.prefixItems : [schema.items];
      return fixed
        .map((one) => objectOf(one))
        .filter((one) => one !== undefined)
        .map((one) => exampleOf(one, root, depth + 1));
    }
    default:
      return Object.fromEntries(
        Object.entries(objectOf(schema.properties) ?? {}).map(([name, one]) => [
          name,
          exampleOf(objectOf(one) ?? {}, root, depth + 1),
        ]),
      );
  }
}
