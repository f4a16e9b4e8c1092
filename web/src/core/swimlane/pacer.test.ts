import { describe, expect, it } from "vitest";
import { Pacer } from "./pacer";

function paced(frames: number, cost: number, delay: number): Pacer {
  const pacer = new Pacer();
  for (let i = 0; i < frames; i++) pacer.note(i * 16, cost, delay);
  return pacer;
}

describe("Pacer", () => {
  it("draws as often as the view moves by a pixel, at most 60 times a second", () => {
    const pacer = paced(60, 0.5, 8);
    expect(pacer.interval("scroll", 200)).toBe(16);
    expect(pacer.interval("scroll", 33)).toBe(33);
    expect(pacer.interval("scroll", 0.3)).toBe(133);
    expect(pacer.interval("arcs", 0.3)).toBe(16);
    expect(pacer.interval("beats", 0.3)).toBe(33);
    expect(pacer.interval("beats", 200)).toBe(16);
    expect(pacer.interval("calm", 200)).toBe(66);
  });

  it("draws less often when frames are dear, so that they take 5 % of the time", () => {
    expect(paced(200, 1.4, 8).interval("arcs", 200)).toBe(33);
    expect(paced(200, 3, 8).interval("arcs", 200)).toBe(66);
    expect(paced(200, 50, 8).interval("arcs", 200)).toBe(66);
    expect(paced(200, 50, 8).interval("scroll", 0.3)).toBe(133);
  });

  it("draws less often on a starved machine, and recovers", () => {
    const pacer = paced(200, 0.2, 60);
    expect(pacer.interval("arcs", 200)).toBe(33);
    for (let i = 0; i < 200; i++) pacer.note(4_000 + i * 16, 0.2, 150);
    expect(pacer.interval("arcs", 200)).toBe(66);
    for (let i = 0; i < 200; i++) pacer.note(8_000 + i * 16, 0.2, 8);
    expect(pacer.interval("arcs", 200)).toBe(16);
  });

  it("counts the frames of the last second", () => {
    const pacer = paced(200, 0.2, 8);
    expect(pacer.fps(199 * 16)).toBe(63);
    expect(pacer.fps(10_000)).toBe(0);
  });
});
