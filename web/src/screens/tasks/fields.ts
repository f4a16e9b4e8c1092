/** From the JSON schema of a workflow's parameters to the fields of a form. */
import type { Json } from "@/core/protocol";
import { exampleOf, type Option, optionsOf } from "./options";
import { objectOf, resolve, type Schema, text } from "./refs";

export type FieldKind =
  | "text"
  | "long"
  | "secret"
  | "integer"
  | "number"
  | "boolean"
  | "choice"
  | "choices"
  | "lines"
  | "date"
  | "date-time"
  | "time"
  | "json";

export interface Field {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly kind: FieldKind;
  readonly isRequired: boolean;
  readonly isNullable: boolean;
  readonly fallback: Json | undefined;
  /** What there is to choose from. */
  readonly options: readonly Option[];
  /** What is allowed, in words: `1 to 9`. */
  readonly limits: string;
  readonly schema: Schema;
  /** What a value may look like, for those that are written as JSON. */
  readonly example: string;
  /** Of the lines of a list. */
  readonly item: Schema | null;
}

const LONG =
  /^(text|body|content|prompt|instructions?|message|notes?|details?|description|comment)$/i;

export function fieldsOf(given: Schema): readonly Field[] {
  const schema = resolve(given, given);
  const properties = objectOf(schema.properties) ?? {};
  const required = new Set(Array.isArray(schema.required) ? schema.required.map(String) : []);
  return Object.entries(properties).map(([name, property]) =>
    fieldOf(name, objectOf(property) ?? {}, required.has(name), schema),
  );
}

function fieldOf(name: string, given: Schema, isRequired: boolean, root: Schema): Field {
  const outer = asUnion(resolve(given, root));
  const branches = Array.isArray(outer.anyOf) ? outer.anyOf.map((one) => objectOf(one) ?? {}) : [];
  const others = branches.filter((one) => one.type !== "null");
  const isNullable =
    others.length < branches.length || (Array.isArray(outer.enum) && outer.enum.includes(null));
  const [only] = others;
  const schema: Schema =
    branches.length > 0 && others.length === 1 && only
      ? { ...outer, anyOf: [], ...resolve(only, root) }
      : outer;
  const isUnion = others.length > 1;
  const options = optionsOf(schema);
  const items = objectOf(schema.items);
  const item = items ? resolve(items, root) : null;
  const chosen = item && !isUnion ? optionsOf(item) : [];
  const kind = isUnion ? "json" : kindOf(name, schema, options, item, chosen);
  return {
    name,
    title: text(given.title) || humane(name),
    description: text(given.description) || text(outer.description),
    kind: kind === "boolean" && isNullable ? "choice" : kind,
    isRequired,
    isNullable,
    fallback: given.default ?? outer.default,
    options:
      kind === "boolean" && isNullable
        ? [
            { id: "yes", value: true },
            { id: "no", value: false },
          ]
        : kind === "choices"
          ? chosen
          : options,
    limits: limitsOf(kind, schema),
    schema: { ...schema, $defs: root.$defs ?? {} },
    example: kind === "json" ? JSON.stringify(exampleOf(schema, root), null, 2) : "",
    item,
  };
}

/** `type: [a, b]` is short for `anyOf`. */
function asUnion(schema: Schema): Schema {
  const { type, default: fallback, ...beside } = schema;
  if (!Array.isArray(type)) return schema;
  const union = { ...beside, anyOf: type.map((one) => ({ ...beside, type: one })) };
  return fallback === undefined ? union : { ...union, default: fallback };
}

function kindOf(
  name: string,
  schema: Schema,
  options: readonly Option[],
  item: Schema | null,
  chosen: readonly Option[],
): FieldKind {
  if (options.length > 0) return "choice";
  switch (schema.type) {
    case "string":
      if (schema.writeOnly === true || schema.format === "password") return "secret";
      if (schema.format === "date" || schema.format === "date-time" || schema.format === "time")
        return schema.format;
      if (schema.format === "textarea" || LONG.test(name)) return "long";
      return "text";
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    case "array":
      if (chosen.length > 0) return "choices";
      return ["string", "integer", "number"].includes(text(item?.type)) ? "lines" : "json";
    default:
      return "json";
  }
}

function limitsOf(kind: FieldKind, schema: Schema): string {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  const parts: string[] = [];
  if (minimum !== undefined && maximum !== undefined) parts.push(`${minimum} to ${maximum}`);
  else if (minimum !== undefined) parts.push(`at least ${minimum}`);
  else if (maximum !== undefined) parts.push(`at most ${maximum}`);
  if (above !== undefined) parts.push(`more than ${above}`);
  if (below !== undefined) parts.push(`less than ${below}`);
  if (schema.multipleOf !== undefined) parts.push(`in steps of ${schema.multipleOf}`);
  if (kind !== "json" && schema.maxLength !== undefined && Number(schema.maxLength) < 10_000)
    parts.push(`at most ${schema.maxLength} characters`);
  if (kind === "lines") parts.push("one a line");
  if (kind === "json") parts.push("JSON");
  return parts.join(", ");
}

const humane = (name: string): string => {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
