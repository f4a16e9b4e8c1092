import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LinkState, Live } from "./live";

/** A socket whose other end is the test. */
class Wire {
  static readonly OPEN = 1;
  static made: Wire[] = [];
  readyState = 0;
  readonly sent: { op: string; id: string; slices?: string[] }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor() {
    Wire.made.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code = 1000): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** Let the page be let in. */
  open(): void {
    this.readyState = 1;
    this.onopen?.();
    this.reply();
  }

  /** Answer what was asked last. */
  reply(): void {
    const id = this.sent.at(-1)?.id;
    this.onmessage?.({ data: JSON.stringify({ re: id, ok: true, seq: "1.0.0.0", page: "p" }) });
  }
}

const last = (): Wire => Wire.made.at(-1) as Wire;

describe("Live", () => {
  const states: LinkState[] = [];
  let live: Live;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", Wire);
    vi.stubGlobal("window", new EventTarget());
    vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
    vi.stubGlobal("navigator", { onLine: true });
    Wire.made = [];
    states.length = 0;
    live = new Live({ onFrame: () => {}, onState: (state) => states.push(state) }, "ws://here");
    live.open();
    last().open();
  });

  afterEach(() => {
    live.close();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("asks a gateway that is silent for a word, and believes its answer", () => {
    vi.advanceTimersByTime(13_000);
    expect(last().sent.at(-1)).toMatchObject({ op: "unsub", slices: [] });
    last().reply();
    vi.advanceTimersByTime(9_000);
    expect(states).toEqual(["live"]);
    expect(Wire.made).toHaveLength(1);
  });

  it("gives up a socket behind which nobody answers, and comes back by another", () => {
    vi.advanceTimersByTime(28_000);
    expect(states).toEqual(["live", "reconnecting"]);
    expect(Wire.made).toHaveLength(2);
    last().open();
    expect(states).toEqual(["live", "reconnecting", "live"]);
  });

  it("does not wait for ever to be let in", () => {
    last().close();
    vi.advanceTimersByTime(1_000);
    const stuck = last();
    vi.advanceTimersByTime(18_000);
    expect(stuck.readyState).toBe(3);
    expect(last()).not.toBe(stuck);
    expect(states).toEqual(["live", "reconnecting", "offline"]);
  });

  it("sends again under the same id what may not have arrived", () => {
    const asked = live.ask({ op: "send", content: "x" });
    const before = last().sent.at(-1);
    vi.advanceTimersByTime(28_000);
    last().open();
    expect(last().sent.at(-1)).toEqual(before);
    last().reply();
    return expect(asked).resolves.toMatchObject({ ok: true });
  });

  it("refuses what is too large for the socket, and lets the rest through", async () => {
    const refused = live.ask({ op: "send", content: "x".repeat(200) });
    const other = live.ask({ op: "send", content: "y" });
    const told = expect(refused).rejects.toMatchObject({ status: 413 });
    last().close(1009);
    await told;
    vi.advanceTimersByTime(1_000);
    last().open();
    expect(last().sent.slice(1)).toMatchObject([{ content: "y" }]);
    last().reply();
    await expect(other).resolves.toMatchObject({ ok: true });
  });

  it("gives up a large frame that takes the socket with it three times", async () => {
    const refused = live.ask({ op: "send", content: "x".repeat(150_000) });
    const told = expect(refused).rejects.toMatchObject({ code: "too-large" });
    for (let times = 0; times < 3; times++) {
      last().close(1006);
      vi.advanceTimersByTime(10_000);
      last().open();
    }
    await told;
  });

  it("does not send what nobody wants any more", async () => {
    last().close();
    const stop = new AbortController();
    const asked = live.ask({ op: "send", content: "x" }, stop.signal);
    const told = expect(asked).rejects.toMatchObject({ code: "aborted" });
    stop.abort();
    await told;
    vi.advanceTimersByTime(1_000);
    last().open();
    expect(last().sent).toHaveLength(1);
  });
});
