import { describe, expect, it } from "vitest";
import { Problem } from "@/core/problem";
import { fieldsOf } from "./fields";
import { named } from "./named";
import { type Raw, rawsOf } from "./raws";
import { read, whenEmpty } from "./reading";
import type { Schema } from "./refs";

/** As pydantic writes it. */
const SCHEMA: Schema = {
  $defs: {
    Milk: { enum: ["none", "oat"], title: "Milk", type: "string" },
    Guest: {
      properties: { name: { type: "string" }, age: { type: "integer", minimum: 0, default: 3 } },
      required: ["name"],
      title: "Guest",
      type: "object",
    },
  },
  type: "object",
  required: ["pieces", "milk", "day", "code", "host"],
  properties: {
    topic: { default: "tea", title: "Topic", type: "string", maxLength: 5 },
    pieces: { minimum: 1, maximum: 9, title: "Pieces", type: "integer" },
    price: { default: 1.5, exclusiveMinimum: 0, type: "number" },
    milk: { $ref: "#/$defs/Milk", description: "In the tea" },
    other_milk: { anyOf: [{ $ref: "#/$defs/Milk" }, { type: "null" }], default: null },
    extras: { items: { $ref: "#/$defs/Milk" }, type: "array", default: ["oat"] },
    guests: { items: { type: "string" }, type: "array", maxItems: 2, default: [] },
    day: { format: "date", type: "string" },
    at: { anyOf: [{ format: "date-time", type: "string" }, { type: "null" }], default: null },
    code: { format: "password", type: "string", writeOnly: true },
    host: { $ref: "#/$defs/Guest" },
    either: { anyOf: [{ type: "integer" }, { type: "string" }], default: 3 },
    sure: { anyOf: [{ type: "boolean" }, { type: "null" }], default: null },
    hot: { type: "boolean", default: true },
    level: { enum: ["a", 1], default: 1 },
    mail: { type: "string", format: "email", default: "" },
    body: { type: "string", default: "" },
  },
};
const FIELDS = fieldsOf(SCHEMA);
const GOOD: { [name: string]: Raw } = {
  pieces: "2",
  milk: "oat",
  day: "2026-01-02",
  code: "1",
  host: '{"name": "Ada"}',
};

const reading = (raws: { [name: string]: Raw }) =>
  read(FIELDS, { ...rawsOf(FIELDS), ...GOOD, ...raws });

describe("fieldsOf", () => {
  it("finds a control for each type", () => {
    expect(Object.fromEntries(FIELDS.map(({ name, kind }) => [name, kind]))).toEqual({
      topic: "text",
      pieces: "integer",
      price: "number",
      milk: "choice",
      other_milk: "choice",
      extras: "choices",
      guests: "lines",
      day: "date",
      at: "date-time",
      code: "secret",
      host: "json",
      either: "json",
      sure: "choice",
      hot: "boolean",
      level: "choice",
      mail: "text",
      body: "long",
    });
  });

  it("keeps titles, descriptions, limits and what may be left out", () => {
    const by = Object.fromEntries(FIELDS.map((field) => [field.name, field]));
    expect(by.milk).toMatchObject({ description: "In the tea", isRequired: true });
    expect(by.other_milk).toMatchObject({ isNullable: true, fallback: null, isRequired: false });
    expect(by.pieces?.limits).toBe("1 to 9");
    expect(by.guests?.limits).toBe("one a line");
    expect(by.at?.title).toBe("At");
    expect(by.host?.title).toBe("Host");
    expect(JSON.parse(by.host?.example ?? "")).toEqual({ name: "…", age: 3 });
  });
});

describe("read", () => {
  it("sends the defaults as they are, in their types", () => {
    const { params, problems } = reading({});
    expect(problems).toEqual({});
    expect(params).toEqual({
      topic: "tea",
      pieces: 2,
      price: 1.5,
      milk: "oat",
      extras: ["oat"],
      guests: [],
      day: "2026-01-02",
      code: "1",
      host: { name: "Ada" },
      either: 3,
      hot: true,
      level: 1,
    });
  });

  it.each([
    ["pieces", "2.5", "This must be a whole number."],
    ["pieces", "0", "This must be at least 1."],
    ["pieces", "", "Fill this in."],
    ["pieces", "99999999999999999999", "This number is too large to be sent exactly."],
    ["price", "0", "This must be more than 0."],
    ["price", "much", "This must be a number, such as 2.5."],
    ["milk", "", "Choose one."],
    ["topic", "coffee", "This may have at most 5 characters; it has 6."],
    ["guests", "a\nb\nc", "This may have at most 2 entries."],
    ["mail", "ada", "This must be an e-mail address."],
    ["host", "{}", '"name" is missing.'],
    ["host", '{"name": "Ada", "age": -1}', "age must be at least 0."],
    ["host", "[]", "This must be an object: { … }."],
    ["either", "true", "This must be a whole number."],
  ])("says what is wrong with %s %j", (name, raw, said) => {
    expect(reading({ [name]: raw }).problems).toEqual({ [name]: said });
  });

  it("says that something is no JSON", () => {
    expect(reading({ host: "{" }).problems.host).toMatch(/^This is no JSON: /);
  });

  it("tells what was emptied from what was left alone", () => {
    const { params } = reading({ topic: "", price: "", body: "", other_milk: "" });
    expect(params.topic).toBe("");
    expect(params).not.toHaveProperty("price");
    expect(params).not.toHaveProperty("body");
    expect(params).not.toHaveProperty("other_milk");
  });

  it("reads times on our clock, commas in numbers, and lines", () => {
    const { params } = reading({ at: "2026-01-02T03:04", price: "2,5", guests: " a \n\nb" });
    expect(params.at).toBe(new Date("2026-01-02T03:04").toISOString());
    expect(params.price).toBe(2.5);
    expect(params.guests).toEqual(["a", "b"]);
  });

  it("gives back what an earlier start had", () => {
    const { params } = reading({ sure: "no", level: "a", at: "2026-01-02T03:04" });
    expect(read(FIELDS, rawsOf(FIELDS, params)).params).toEqual(params);
  });
});

describe("named", () => {
  it("takes the fields from the errors, or the one that the text names", () => {
    const errors = [{ loc: ["body", "params", "pieces"], msg: "too many" }];
    expect(named(new Problem(422, "x", "Wrong", "", { errors }), FIELDS)).toEqual({
      pieces: "too many",
    });
    expect(named(new Problem(422, "x", "params.price: too low"), FIELDS)).toEqual({
      price: "params.price: too low",
    });
    expect(named(new Problem(429, "x", "Wait a little"), FIELDS)).toEqual({});
  });
});

describe("an emptied control", () => {
  const field = (property: Schema, required = false) => {
    const [only] = fieldsOf({
      type: "object",
      properties: { it: property as never },
      required: required ? ["it"] : [],
    });
    if (!only) throw new Error("no field");
    return only;
  };
  it.each<[Schema, string, object]>([
    [{ type: "integer", default: 10 }, "default: 10", {}],
    [{ type: "number", default: 0 }, "default: 0", {}],
    [{ type: "integer" }, "", {}],
    [{ type: "string", default: "tea" }, "an empty text", { it: "" }],
    [{ type: "string", default: "" }, "default: an empty text", {}],
    [{ type: "string", format: "password", default: "x" }, "the default", {}],
    [{ enum: ["a", "b"], default: "b" }, "default: b", {}],
    [{ type: "object", default: { a: 1 } }, 'default: {"a":1}', {}],
    [{ type: "array", items: { type: "string" }, default: ["a"] }, "an empty list", { it: [] }],
    [{ anyOf: [{ type: "integer" }, { type: "null" }], default: 10 }, "none", { it: null }],
    [{ anyOf: [{ type: "integer" }, { type: "null" }], default: null }, "none", {}],
    [{ type: ["integer", "null"], default: null }, "none", {}],
  ])("of %j says %j and sends %j", (property, words, params) => {
    const one = field(property);
    expect(whenEmpty(one)).toBe(words);
    expect(read([one], { it: "" })).toEqual({ params, problems: {} });
  });

  it("is wrong where a value is needed", () => {
    const one = field({ type: "integer", default: 10 }, true);
    expect(whenEmpty(one)).toBe("");
    expect(read([one], { it: "" }).problems).toEqual({ it: "Fill this in." });
  });
});

it("reads odd schemas: a root that is a reference, types in a list, like names of other types", () => {
  const root: Schema = {
    $ref: "#/$defs/In",
    $defs: { In: { type: "object", properties: { n: { type: ["integer", "null"] } } } },
  };
  expect(fieldsOf(root)).toMatchObject([{ name: "n", kind: "integer", isNullable: true }]);
  const [mixed] = fieldsOf({ properties: { m: { enum: ["1", 1, null] } } });
  expect(mixed).toMatchObject({ kind: "choice", isNullable: true });
  expect(mixed?.options.map((one) => one.id)).toEqual(['"1"', "1"]);
  const [either] = fieldsOf({ properties: { e: { type: ["integer", "string"], default: 3 } } });
  expect(either).toMatchObject({ kind: "json", isNullable: false, fallback: 3 });
});
