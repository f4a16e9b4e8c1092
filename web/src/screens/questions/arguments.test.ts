import { describe, expect, test } from "vitest";
import { changes, fieldsOf, readFields, readObject } from "./arguments";

const REFUND = { order: 4713, reason: "broken", urgent: false, lines: [{ sku: "A", pieces: 2 }] };

describe("fields", () => {
  test("say the same again if nobody touches them", () => {
    expect(readFields(fieldsOf(REFUND))).toEqual({ value: REFUND, problems: {} });
  });

  test("keep the type of what is edited", () => {
    const fields = fieldsOf(REFUND).map((field) =>
      field.name === "order" ? { ...field, text: "12.5" } : { ...field },
    );
    expect(readFields(fields).value?.order).toBe(12.5);
    const text = readFields([{ name: "zip", kind: "text", text: "0815" }]);
    expect(text.value).toEqual({ zip: "0815" });
  });

  test("tell what is wrong, each for itself", () => {
    const { value, problems } = readFields([
      { name: "order", kind: "number", text: "many" },
      { name: "empty", kind: "number", text: " " },
      { name: "lines", kind: "json", text: "[1," },
      { name: "fine", kind: "text", text: "" },
    ]);
    expect(value).toBeNull();
    expect(Object.keys(problems)).toEqual(["order", "empty", "lines"]);
    expect(problems.lines).toMatch(/^This is not JSON/);
  });

  test("a whole object is read as one", () => {
    expect(readObject('{"a": 1}')).toEqual({ a: 1 });
    for (const wrong of ["[1]", "null", "3"]) expect(() => readObject(wrong)).toThrow("object");
    expect(() => readObject("{")).toThrow("not JSON");
  });
});

describe("changes", () => {
  test("nothing if both say the same", () => {
    expect(changes(REFUND, structuredClone(REFUND))).toEqual([]);
  });

  test("are told where they are, however deep", () => {
    const edited = { ...REFUND, order: 1, lines: [{ sku: "A", pieces: 3 }] };
    expect(changes(REFUND, edited)).toEqual([
      { path: "order", before: 4713, after: 1 },
      { path: "lines › 0 › pieces", before: 2, after: 3 },
    ]);
  });

  test("what comes and goes is undefined on its other side", () => {
    expect(changes({ a: 1 }, { b: null })).toEqual([
      { path: "a", before: 1, after: undefined },
      { path: "b", before: undefined, after: null },
    ]);
    expect(changes([1, 2], [1])).toEqual([{ path: "1", before: 2, after: undefined }]);
  });

  test("another shape is one change", () => {
    expect(changes({ a: [1] }, { a: { "0": 1 } })).toEqual([
      { path: "a", before: [1], after: { "0": 1 } },
    ]);
  });
});
