import { expect, test } from "vitest";
import { isCostly } from "./cost";

test("what people and agents write is parsed", () => {
  const rows = "| snake_case | **bold** |\n".repeat(200);
  const list = Array.from({ length: 20 }, (_, depth) => `${"  ".repeat(depth)}- one`).join("\n");
  const rule = "-".repeat(80);
  const prose = "Some **bold** words, and a `code`.\n\n".repeat(2_000);
  const image = `![](data:image/png;base64,${"iVBORw0KGgo+/AAA".repeat(4_000)}==)`;
  for (const text of ["", "Hello", image, rows, list, rule, prose, "> > > quoted"])
    expect(isCostly(text)).toBe(false);
});

test("what would hold up the page is not", () => {
  for (const text of [
    "x".repeat(100_001),
    "*_".repeat(1_000),
    "*a_ \n".repeat(1_000),
    "> ".repeat(40),
    `Hello\n${"* ".repeat(40)}`,
    `${"1. ".repeat(40)}x`,
    `${" ".repeat(300)}- x`,
    "->".repeat(1_000),
  ])
    expect(isCostly(text)).toBe(true);
});
