/** From what the controls hold to the values that are sent. */
import type { Json } from "@/core/protocol";
import { brief } from "@/core/text";
import { check } from "./check";
import type { Field } from "./fields";
import type { Raw, Raws } from "./raws";
import { text } from "./refs";

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
type Emptiness = "wrong" | "null" | "list" | "text" | "left out";

function emptinessOf(field: Field): Emptiness {
  if (field.isNullable) return field.fallback === null ? "left out" : "null";
  if (field.kind === "lines") return "list";
  if (field.isRequired) return "wrong";
  // Whoever has emptied a text means an empty text, and not the default.
  const isCleared = typeof field.fallback === "string" && field.fallback !== "";
  return isCleared && (field.kind === "text" || field.kind === "long") ? "text" : "left out";
}

function empty(field: Field): One {
  switch (emptinessOf(field)) {
    case "wrong":
      return { problem: field.options.length ? "Choose one." : "Fill this in." };
    case "null":
      return { value: null };
    case "list":
      return checked(field, []);
    case "text":
      return checked(field, "");
    case "left out":
      return {};
  }
}

/** What counts while a control is empty, in words: `default: 10`; empty if there is nothing to say. */
export function whenEmpty(field: Field): string {
  switch (emptinessOf(field)) {
    case "wrong":
      return "";
    case "null":
      return "none";
    case "list":
      return "an empty list";
    case "text":
      return "an empty text";
    case "left out": {
      const { fallback } = field;
      if (fallback === null) return "none";
      if (fallback === undefined) return "";
      if (field.kind === "secret") return "the default";
      return `default: ${brief(fallback === "" ? "an empty text" : text(fallback), 60)}`;
    }
  }
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
