/** What the controls of a form hold: texts, ticks and choices. */
import type { Json } from "@/core/protocol";
import type { Field } from "./fields";
import { text } from "./refs";

/** What a control holds. */
export type Raw = string | boolean | readonly string[];
export type Raws = { readonly [name: string]: Raw };

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

/** `2026-01-01T12:00` of an ISO time, on our clock. */
function localTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

const same = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);
