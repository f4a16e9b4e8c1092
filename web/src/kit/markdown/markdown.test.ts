import { describe, expect, it } from "vitest";
import { blocksOf } from "./blocks";
import { imageSource, safeLink } from "./links";

describe("blocksOf", () => {
  it("cuts at empty lines, and loses nothing", () => {
    const text = "# One\n\ntwo\nstill two\n\n\nthree";
    expect(blocksOf(text)).toEqual(["# One\n\n", "two\nstill two\n\n\n", "three"]);
    expect(blocksOf(text).join("")).toBe(text);
  });

  it("keeps code whole, with empty lines in it and while it is open", () => {
    expect(blocksOf("```py\na\n\nb\n```\n\nafter")).toEqual(["```py\na\n\nb\n```\n\n", "after"]);
    expect(blocksOf("```py\na\n\nb")).toEqual(["```py\na\n\nb"]);
    expect(blocksOf("````\n```\n\nx\n````\n\ny")).toEqual(["````\n```\n\nx\n````\n\n", "y"]);
  });

  it("keeps lists and quotes whole", () => {
    expect(blocksOf("- a\n\n- b\n\n  c\n\nd")).toEqual(["- a\n\n- b\n\n  c\n\n", "d"]);
    expect(blocksOf("1. a\n\n2. b")).toHaveLength(1);
  });

  it("has no block for nothing", () => {
    expect(blocksOf("")).toEqual([]);
  });
});

describe("safeLink", () => {
  it("follows the web and mail alone", () => {
    expect(safeLink("https://example.com/a")).toBe("https://example.com/a");
    expect(safeLink("mailto:ada@example.com")).toBe("mailto:ada@example.com");
    for (const bad of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "/x", ""])
      expect(safeLink(bad)).toBe("");
  });
});

describe("imageSource", () => {
  it("shows our own files and images in the text", () => {
    expect(imageSource("/api/files/ab12").kind).toBe("own");
    expect(imageSource("data:image/png;base64,AAAA").kind).toBe("own");
  });

  it("asks before it loads from elsewhere", () => {
    expect(imageSource("https://example.com/p.png")).toMatchObject({
      kind: "remote",
      host: "example.com",
    });
    expect(imageSource("//example.com/p.png").kind).toBe("none");
    expect(imageSource("/api/files/../tasks").kind).toBe("none");
    expect(imageSource("data:text/html,x").kind).toBe("none");
  });
});
