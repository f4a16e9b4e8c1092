/** How to read the facts of an event. */
import type { Json } from "@/core/protocol";

export type Facts = { readonly [key: string]: Json };

/** The name in the key of a call: `read` of `report/step:read#2`. */
export function nameOf(key: string): string {
  const last = key.split("/").at(-1) ?? "";
  return last.replace(/^[a-z_]+:/, "").replace(/#\d+$/, "");
}

/** The words of an error, as a log holds it: a text, or what is kept of an exception. */
export function errorText(error: Json | undefined): string {
  const kept = object(error);
  if (!kept) return text(error);
  const name = text(kept.class) || "Error";
  return kept.message ? `${name}: ${text(kept.message)}` : name;
}

export function object(value: Json | undefined): { [key: string]: Json } | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

export const text = (value: Json | undefined): string =>
  value === null || value === undefined ? "" : typeof value === "string" ? value : String(value);
