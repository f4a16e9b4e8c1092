import { expect, test } from "vitest";
import { age, agentToken, brief, bytes, duration, initials } from "./text";

test("names become tokens as the mesh makes them", () => {
  expect(agentToken("Weather-Bot")).toBe("weather_bot");
  expect(agentToken("My Agent")).toBe("my_agent");
});

test("lengths of time have one unit", () => {
  expect([0.4, 340, 2_500, 14_000, 240_000, 7_200_000].map(duration)).toEqual([
    "<1 ms",
    "340 ms",
    "2.5 s",
    "14 s",
    "4 min",
    "2 h",
  ]);
  expect(age(1_000, 2_000)).toBe("now");
  expect(age(0, 3_000)).toBe("3 s");
});

test("a brief text is one line", () => {
  expect(brief("\n one\ntwo")).toBe("one");
  expect(brief("x".repeat(20), 10)).toBe(`${"x".repeat(9)}…`);
});

test("sizes and initials", () => {
  expect([0, 999, 1_200, 20_971_520].map(bytes)).toEqual(["0 B", "999 B", "1.2 kB", "21.0 MB"]);
  expect(["Weather-Bot", "refund", "ada"].map(initials)).toEqual(["WB", "RE", "AD"]);
});
