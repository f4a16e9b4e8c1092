import { describe, expect, it } from "vitest";
import { DARK, LIGHT } from "./themes";
import { KINDS } from "./types";

/** WCAG 2.2 contrast of two #rrggbb colours. */
function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((i) => Number.parseInt(colour.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe.each([
  ["dark", DARK],
  ["light", LIGHT],
])("the %s theme", (_name, theme) => {
  it("shows shapes with a contrast of 3 on both kinds of lane", () => {
    const shapes = [...KINDS.map((kind) => theme.kinds[kind]), theme.now, theme.beat, theme.focus];
    const weak = shapes.filter(
      (shape) => Math.min(contrast(shape, theme.background), contrast(shape, theme.band)) < 3,
    );
    expect(weak).toEqual([]);
  });

  it("shows text with a contrast of 4.5", () => {
    expect(contrast(theme.label, theme.background)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(theme.label, theme.plate)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(theme.text, theme.plate)).toBeGreaterThanOrEqual(4.5);
  });

  it("has a colour of its own for every kind", () => {
    expect(new Set(Object.values(theme.kinds)).size).toBe(KINDS.length);
  });
});
