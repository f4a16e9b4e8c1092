/** Whether a value is what a JSON schema asks for, as far as a form can know. */
import type { Json } from "@/core/protocol";
import { objectOf, resolve, type Schema } from "./refs";

const DEEPEST = 12;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Says in a sentence what is wrong first; empty if nothing is. */
export function check(given: Schema, value: Json, root: Schema, path = "", depth = 0): string {
  const schema = resolve(given, root);
  const here = path || "This";
  if (depth > DEEPEST) return "";
  const branches = Array.isArray(schema.anyOf) ? schema.anyOf : [];
  if (branches.length > 0) {
    const problems = branches.map((one) =>
      check(objectOf(one) ?? {}, value, root, path, depth + 1),
    );
    return problems.includes("") ? "" : (problems[0] ?? "");
  }
  if (Array.isArray(schema.enum)) {
    const isThere = schema.enum.some((one) => JSON.stringify(one) === JSON.stringify(value));
    if (!isThere) return `${here} must be one of ${schema.enum.map(String).join(", ")}.`;
    return "";
  }
  if (schema.const !== undefined && JSON.stringify(schema.const) !== JSON.stringify(value))
    return `${here} must be ${JSON.stringify(schema.const)}.`;
  switch (schema.type) {
    case "string":
      return typeof value === "string"
        ? checkText(schema, value, here)
        : `${here} must be a text, in quotes.`;
    case "integer":
      if (typeof value !== "number" || !Number.isInteger(value))
        return `${here} must be a whole number.`;
      return checkNumber(schema, value, here);
    case "number":
      return typeof value === "number"
        ? checkNumber(schema, value, here)
        : `${here} must be a number.`;
    case "boolean":
      return typeof value === "boolean" ? "" : `${here} must be true or false.`;
    case "null":
      return value === null ? "" : `${here} must be null.`;
    case "array":
      return Array.isArray(value)
        ? checkList(schema, value, root, path, depth)
        : `${here} must be a list: [ … ].`;
    case "object":
      return objectOf(value)
        ? checkObject(schema, objectOf(value) ?? {}, root, path, depth)
        : `${here} must be an object: { … }.`;
    default:
      return "";
  }
}

function checkText(schema: Schema, value: string, here: string): string {
  const length = [...value].length;
  if (typeof schema.minLength === "number" && length < schema.minLength)
    return schema.minLength === 1
      ? `${here} must not be empty.`
      : `${here} needs at least ${schema.minLength} characters.`;
  if (typeof schema.maxLength === "number" && length > schema.maxLength)
    return `${here} may have at most ${schema.maxLength} characters; it has ${length}.`;
  if (typeof schema.pattern === "string" && !matches(schema.pattern, value))
    return `${here} must look like ${schema.pattern}.`;
  switch (schema.format) {
    case "email":
      return EMAIL.test(value) ? "" : `${here} must be an e-mail address.`;
    case "uri":
      return URL.canParse(value) ? "" : `${here} must be a URL, such as https://example.com.`;
    case "uuid":
      return UUID.test(value) ? "" : `${here} must be a UUID.`;
    default:
      return "";
  }
}

/** Whether a text matches; a pattern that is none of this language is left to the server. */
function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

function checkNumber(schema: Schema, value: number, here: string): string {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below, multipleOf } = schema;
  if (typeof minimum === "number" && value < minimum) return `${here} must be at least ${minimum}.`;
  if (typeof maximum === "number" && value > maximum) return `${here} must be at most ${maximum}.`;
  if (typeof above === "number" && value <= above) return `${here} must be more than ${above}.`;
  if (typeof below === "number" && value >= below) return `${here} must be less than ${below}.`;
  if (typeof multipleOf === "number" && multipleOf > 0) {
    const steps = value / multipleOf;
    if (Math.abs(steps - Math.round(steps)) > 1e-9)
      return `${here} must be a multiple of ${multipleOf}.`;
  }
  return "";
}

function checkList(
  schema: Schema,
  value: readonly Json[],
  root: Schema,
  path: string,
  depth: number,
): string {
  const here = path || "This";
  if (typeof schema.minItems === "number" && value.length < schema.minItems)
    return `${here} needs at least ${schema.minItems} ${schema.minItems === 1 ? "entry" : "entries"}.`;
  if (typeof schema.maxItems === "number" && value.length > schema.maxItems)
    return `${here} may have at most ${schema.maxItems} entries.`;
  if (
    schema.uniqueItems === true &&
    new Set(value.map((v) => JSON.stringify(v))).size < value.length
  )
    return `${here} must not have the same entry twice.`;
  const fixed = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
  for (const [index, one] of value.entries()) {
    const items = objectOf(fixed[index]) ?? objectOf(schema.items);
    const where = path ? `${path}, entry ${index + 1}` : `Entry ${index + 1}`;
    const problem = items ? check(items, one, root, where, depth + 1) : "";
    if (problem) return problem;
  }
  return "";
}

function checkObject(
  schema: Schema,
  value: { [key: string]: Json },
  root: Schema,
  path: string,
  depth: number,
): string {
  const properties = objectOf(schema.properties) ?? {};
  const inside = path ? ` in ${path}` : "";
  for (const name of Array.isArray(schema.required) ? schema.required.map(String) : [])
    if (!(name in value)) return `"${name}" is missing${inside}.`;
  for (const [name, one] of Object.entries(value)) {
    const inner = objectOf(properties[name]) ?? objectOf(schema.additionalProperties);
    if (!inner) {
      if (schema.additionalProperties === false) return `"${name}" is not known${inside}.`;
      continue;
    }
    const problem = check(inner, one, root, path ? `${path}.${name}` : name, depth + 1);
    if (problem) return problem;
  }
  return "";
}
