/** The arguments of a tool that waits for approval: edited as fields, and compared. */
import type { Json } from "@/core/protocol";

export type Arguments = { readonly [name: string]: Json };

/** One argument as it is edited: `text` is what stands in its field. */
export interface Field {
  readonly name: string;
  readonly kind: "text" | "number" | "flag" | "json";
  readonly text: string;
}

export function fieldsOf(args: Arguments): Field[] {
  return Object.entries(args).map(([name, value]) => {
    if (typeof value === "string") return { name, kind: "text", text: value };
    if (typeof value === "number") return { name, kind: "number", text: String(value) };
    if (typeof value === "boolean") return { name, kind: "flag", text: String(value) };
    return { name, kind: "json", text: pretty(value) };
  });
}

export interface Reading {
  /** What the fields say; null as long as one of them makes no sense. */
  readonly value: Arguments | null;
  readonly problems: { readonly [name: string]: string };
}

export function readFields(fields: readonly Field[]): Reading {
  const problems: { [name: string]: string } = {};
  const entries = fields.map(({ name, kind, text }): [string, Json] => {
    try {
      return [name, readField(kind, text)];
    } catch (error) {
      problems[name] = (error as Error).message;
      return [name, null];
    }
  });
  const isRight = Object.keys(problems).length === 0;
  return { value: isRight ? Object.fromEntries(entries) : null, problems };
}

/** Read JSON that has to be an object.
 *  @throws Error what is wrong with it. */
export function readObject(text: string): Arguments {
  const value = readJson(text);
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new Error("It must be an object: { … }");
  return value;
}

/** Read JSON.
 *  @throws Error what is wrong with it, and where. */
export function readJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    const reason = (error as Error).message.replace(/^JSON\.parse: /, "");
    throw new Error(`This is not JSON: ${reason}`);
  }
}

function readField(kind: Field["kind"], text: string): Json {
  switch (kind) {
    case "text":
      return text;
    case "flag":
      return text === "true";
    case "json":
      return readJson(text);
    case "number": {
      const value = Number(text);
      if (text.trim() === "" || !Number.isFinite(value)) throw new Error("This is not a number");
      return value;
    }
  }
}

/** A difference between two values; what is not there on one side is undefined. */
export interface Change {
  readonly path: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** Where two values differ, as deep down as both have the same shape. */
export function changes(
  before: Json | undefined,
  after: Json | undefined,
  path: readonly string[] = [],
): Change[] {
  const old = partsOf(before);
  const now = partsOf(after);
  if (old && now && old.isList === now.isList) {
    const names = [...new Set([...Object.keys(old.parts), ...Object.keys(now.parts)])];
    return names.flatMap((name) => changes(old.parts[name], now.parts[name], [...path, name]));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ path: path.join(" › "), before, after }];
}

function partsOf(
  value: Json | undefined,
): { isList: boolean; parts: { [name: string]: Json } } | null {
  if (value === null || typeof value !== "object") return null;
  const isList = Array.isArray(value);
  return { isList, parts: isList ? Object.fromEntries(Object.entries(value)) : value };
}

export const pretty = (value: Json | undefined): string => JSON.stringify(value, null, 2);

/** A value in one line, as people write it: text without its quotes. */
export function plain(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
