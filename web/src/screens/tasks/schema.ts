/** From the JSON schema of a workflow's parameters to the fields of a form, and back to values. */
import type { Problem } from "@/core/problem";
import type { Json } from "@/core/protocol";
import { check } from "./check";
import { exampleOf, type Option, optionsOf } from "./options";
import { objectOf, resolve, type Schema } from "./refs";

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

/** What a control holds. */
export type Raw = string | boolean | readonly string[];
export type Raws = { readonly [name: string]: Raw };

const LONG =
  /^(text|body|content|prompt|instructions?|message|notes?|details?|description|comment)$/i;

export function fieldsOf(schema: Schema): readonly Field[] {
  const properties = objectOf(schema.properties) ?? {};
  const required = new Set(Array.isArray(schema.required) ? schema.required.map(String) : []);
  return Object.entries(properties).map(([name, property]) =>
    fieldOf(name, objectOf(property) ?? {}, required.has(name), schema),
  );
}

function fieldOf(name: string, given: Schema, isRequired: boolean, root: Schema): Field {
  const outer = resolve(given, root);
  const branches = Array.isArray(outer.anyOf) ? outer.anyOf.map((one) => objectOf(one) ?? {}) : [];
  const others = branches.filter((one) => one.type !== "null");
  const isNullable = others.length < branches.length;
  const [only] = others;
  const schema: Schema =
    isNullable && others.length === 1 && only
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

/** What the controls hold at first: the defaults, or else what an earlier start had. */
export function rawsOf(fields: readonly Field[], params: { [name: string]: Json } = {}): Raws {
  return Object.fromEntries(
    fields.map((field) => [field.name, rawOf(field, params[field.name] ?? field.fallback)]),
  );
}

function rawOf(field: Field, value: Json | undefined): Raw {
  const isMissing = value === undefined || value === null;
  switch (field.kind) {
    case "boolean":
      return value === true;
    case "choice": {
      const found = field.options.find((one) => !isMissing && same(one.value, value));
      const [only] = field.options;
      return found?.id ?? (field.isRequired && field.options.length === 1 ? (only?.id ?? "") : "");
    }
    case "choices":
      return Array.isArray(value)
        ? field.options.filter((one) => value.some((v) => same(v, one.value))).map((one) => one.id)
        : [];
    case "lines":
      return Array.isArray(value) ? value.map(text).join("\n") : "";
    case "json":
      return isMissing ? "" : JSON.stringify(value, null, 2);
    case "date-time":
      return isMissing ? "" : localTime(text(value));
    default:
      return isMissing ? "" : text(value);
  }
}

export interface Read {
  readonly params: { [name: string]: Json };
  /** What is wrong, by the name of the field. */
  readonly problems: { readonly [name: string]: string };
}

/** The values that the controls stand for, and what is wrong with them. */
export function read(fields: readonly Field[], raws: Raws): Read {
  const params: { [name: string]: Json } = {};
  const problems: { [name: string]: string } = {};
  for (const field of fields) {
    const { value, problem } = readOne(field, raws[field.name] ?? "");
    if (problem) problems[field.name] = problem;
    else if (value !== undefined) params[field.name] = value;
  }
  return { params, problems };
}

interface One {
  value?: Json | undefined;
  problem?: string;
}

function readOne(field: Field, raw: Raw): One {
  if (typeof raw === "boolean") return { value: raw };
  if (typeof raw !== "string") {
    const values = field.options.filter((one) => raw.includes(one.id)).map((one) => one.value);
    return checked(field, values);
  }
  const isEmpty = field.kind === "text" || field.kind === "secret" ? raw === "" : !raw.trim();
  if (isEmpty) return empty(field);
  switch (field.kind) {
    case "integer": {
      const trimmed = raw.trim();
      if (!/^[+-]?\d+$/.test(trimmed)) return { problem: "This must be a whole number." };
      const value = Number(trimmed);
      if (!Number.isSafeInteger(value))
        return { problem: "This number is too large to be sent exactly." };
      return checked(field, value);
    }
    case "number": {
      const value = Number(raw.trim().replace(/^([+-]?\d+),(\d+)$/, "$1.$2"));
      if (!Number.isFinite(value)) return { problem: "This must be a number, such as 2.5." };
      return checked(field, value);
    }
    case "choice":
      return { value: field.options.find((one) => one.id === raw)?.value };
    case "lines":
      return readLines(field, raw);
    case "date-time": {
      const at = new Date(raw);
      if (Number.isNaN(at.getTime())) return { problem: "This is no date and time." };
      return { value: at.toISOString() };
    }
    case "json":
      try {
        return checked(field, JSON.parse(raw) as Json);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return { problem: `This is no JSON: ${why}` };
      }
    default:
      return checked(field, raw);
  }
}

/** What an empty control stands for. */
function empty(field: Field): One {
  if (field.isNullable) return field.fallback === null ? {} : { value: null };
  if (field.kind === "lines") return checked(field, []);
  if (field.isRequired) return { problem: field.options.length ? "Choose one." : "Fill this in." };
  // Whoever has emptied a text means an empty text, and not the default.
  const isCleared = typeof field.fallback === "string" && field.fallback !== "";
  if (isCleared && (field.kind === "text" || field.kind === "long")) return checked(field, "");
  return {};
}

function readLines(field: Field, raw: string): One {
  const lines = raw
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  if (field.item?.type === "string") return checked(field, lines);
  const numbers = lines.map(Number);
  const bad = numbers.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) return { problem: `Line ${bad + 1} is no number: ${lines[bad]}` };
  return checked(field, numbers);
}

function checked(field: Field, value: Json): One {
  const problem = check(field.schema, value, field.schema);
  return problem ? { problem } : { value };
}

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

/** `2026-01-01T12:00` of an ISO time, on our clock. */
function localTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

const humane = (name: string): string => {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const same = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);

const text = (value: Json | undefined): string =>
  value === undefined || value === null
    ? ""
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
