import { describe, expect, it } from "vitest";
import { beginningOf, sizeOf } from "./folding";

const lines = (count: number): string =>
  Array.from({ length: count }, (_, ix) => `line ${ix}`).join("\n");

describe("a text", () => {
  it("is shown in full if it is short", () => {
    expect(beginningOf("hello")).toBeNull();
    expect(beginningOf(lines(40))).toBeNull();
    expect(beginningOf(`${lines(40)}\n\n`)).toBeNull();
    expect(beginningOf("x".repeat(6_000))).toBeNull();
  });

  it("begins with whole lines if it has many", () => {
    expect(beginningOf(lines(41))).toBe(lines(30));
  });

  it("begins with whole words if it is long", () => {
    expect(beginningOf("word ".repeat(2_000))).toMatch(/^(word )*word$/);
    expect(beginningOf("x".repeat(1_000_000))).toBe("x".repeat(4_500));
  });

  it("is never cut within a character", () => {
    expect(beginningOf(`x${"😀".repeat(4_000)}`)).toMatch(/^x(😀)+$/u);
  });

  it("is as large as it is when it is sent", () => {
    expect(sizeOf("ä€")).toBe(5);
  });
});
