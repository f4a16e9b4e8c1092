import { describe, expect, it } from "vitest";
import type { Json, StoredEvent } from "@/core/protocol";
import { placeOf } from "./chat/placeOf";
import { callsOf } from "./cost";
import { nameOf } from "./facts";
import { extend, foldTask } from "./fold";
import { Folder } from "./folder";
import { courseOf, scaleOf, totals } from "./spans";
import { type ItemOf, UNSTARTED } from "./view";

const T0 = Date.parse("2026-01-01T12:00:00Z");

/** A log, of kinds, seconds and facts. */
function log(...lines: [string, number, { [key: string]: Json }?][]): StoredEvent[] {
  return lines.map(([kind, seconds, data = {}], index) => ({
    sequence: (index + 1) * 3,
    kind,
    at: new Date(T0 + seconds * 1000).toISOString(),
    data,
  }));
}

const OPENING = {
  attempt: 1,
  instance: "a",
  owner: "ada",
  version: "2",
  parent: ["boss", "p1"],
  message: {
    from_agent: "Gateway",
    content: "",
    metadata: { params: { order: 7 } },
    timestamp: "2026-01-01T11:59:58Z",
  },
};

describe("foldTask", () => {
  it("tells how the task came about", () => {
    const view = foldTask(log(["claimed", 0, OPENING]));
    expect(view).toMatchObject({
      state: "working",
      attempt: 1,
      owner: "ada",
      version: "2",
      parent: ["boss", "p1"],
      rests: "",
    });
    expect(view.items).toMatchObject([{ kind: "opening", from: "Gateway", params: { order: 7 } }]);
  });

  it("tells of notes to the run whether they were read", () => {
    const events = log(
      ["claimed", 0, OPENING],
      ["steered", 1, { key: "steer:a", id: "a", text: "left", by: "ada" }],
      ["steered", 2, { key: "steer:b", id: "b", text: "right", by: "ada" }],
      ["notes_read", 3, { key: "steering#1", ids: ["a"], after: 0 }],
      ["completed", 4, { result: "done" }],
    );
    const notes = (count: number) =>
      foldTask(events.slice(0, count)).items.filter((item) => item.kind === "steered");
    expect(notes(3)).toMatchObject([
      { text: "left", by: "ada", state: "unread" },
      { text: "right", by: "ada", state: "unread" },
    ]);
    expect(notes(4)).toMatchObject([{ state: "read" }, { state: "unread" }]);
    expect(notes(5)).toMatchObject([{ state: "read" }, { state: "missed" }]);
  });

  it("asks no more what a task at rest, or one that ended, does not ask", () => {
    const asks = (id: string) => ({ question: { id, prompt: id } });
    const events = log(
      ["claimed", 0, OPENING],
      ["asked", 1, asks("a")],
      ["retrying", 2, { error: "E" }],
      ["claimed", 3, { attempt: 2 }],
      ["asked", 4, asks("b")],
      ["parked", 5, { questions: [{ id: "b" }] }],
      ["canceled", 6],
    );
    const gone = (count: number) =>
      foldTask(events.slice(0, count)).items.flatMap((item) =>
        item.kind === "question" ? [item.isGone] : [],
      );
    expect(gone(5)).toEqual([false, false]);
    expect(gone(6)).toEqual([true, false]);
    expect(gone(7)).toEqual([true, true]);
  });

  it("pairs calls of tools with their results, also of the same name", () => {
    const { items } = foldTask(
      log(
        ["claimed", 0],
        ["tool_call", 1, { name: "look", arguments: { at: 1 }, id: "" }],
        ["tool_result", 2, { name: "look", result: "one", id: "" }],
        ["tool_call", 3, { name: "look", arguments: { at: 2 }, id: "" }],
        ["tool_result", 5, { name: "look", result: "two", id: "" }],
        ["tool_result", 6, { name: "lost", result: "three", id: "x" }],
      ),
    );
    expect(items.map((item) => item.kind === "tool" && item.result)).toEqual([
      "one",
      "two",
      "three",
    ]);
  });

  it("tells of a step that was under way that it was cut off", () => {
    const events = log(
      ["claimed", 0],
      ["step_started", 1, { key: "step:read#1", name: "read" }],
      ["retrying", 2, { attempt: 1, error: "E" }],
      ["claimed", 3, { attempt: 2 }],
      ["step", 5, { key: "step:read#1", name: "read", result: 5, seconds: 2 }],
      ["step_started", 6, { key: "step:tick#1", name: "tick" }],
      ["canceled", 7],
    );
    const steps = (count: number) =>
      foldTask(events.slice(0, count)).items.flatMap((item) =>
        item.kind === "step" ? [`${item.name} ${item.state}`] : [],
      );
    expect(steps(2)).toEqual(["read running"]);
    expect(steps(3)).toEqual(["read cut"]);
    expect(steps(5)).toEqual(["read cut", "read done"]);
    expect(steps(6)).toEqual(["read cut", "read done", "tick running"]);
    expect(steps(7)).toEqual(["read cut", "read done", "tick cut"]);
  });

  it("follows a step through its retries to its end", () => {
    const events = log(
      ["claimed", 0],
      ["step_started", 1, { key: "step:read#1", name: "read" }],
      ["step_retrying", 2, { key: "step:read#1:try1", name: "read", error: "no net" }],
      ["step", 4, { key: "step:read#1", name: "read", result: 5, seconds: 3 }],
    );
    expect(foldTask(events.slice(0, 3)).items).toMatchObject([
      { kind: "step", state: "retrying", tries: 2, error: "no net" },
    ]);
    expect(foldTask(events).items).toMatchObject([
      { kind: "step", state: "done", tries: 2, seconds: 3, result: 5, error: "" },
    ]);
  });

  it("keeps what a step raised", () => {
    const error = { module: "builtins", class: "ValueError", message: "too much" };
    const { items } = foldTask(log(["claimed", 0], ["step", 1, { key: "step:pay#1", error }]));
    expect(items).toMatchObject([
      { kind: "step", name: "pay", state: "failed", error: "ValueError: too much" },
    ]);
  });

  it("keeps answers with who gave them, and hides those to secrets", () => {
    const { items } = foldTask(
      log(
        ["claimed", 0],
        ["asked", 1, { question: { id: "q", kind: "text", prompt: "Code?", secret: true } }],
        ["parked", 1, { questions: [] }],
        ["claimed", 9, { attempt: 1, wake_sequence: 4 }],
        ["answered", 9, { id: "q", by: "ada", at: "2026-01-01", answer: null, hidden: true }],
      ),
    );
    expect(items).toHaveLength(1);
    const given = { by: "ada", at: "2026-01-01", isHidden: true };
    expect((items[0] as ItemOf<"question">).answer).toMatchObject(given);
  });

  it("says what a task rests for, and when it goes on", () => {
    expect(foldTask(log(["claimed", 0], ["parked", 1])).rests).toBe("person");
    expect(foldTask(log(["claimed", 0], ["waiting", 1])).rests).toBe("task");
    expect(foldTask(log(["claimed", 0], ["waiting", 1, { again_at: "x" }]))).toMatchObject({
      rests: "time",
      againAt: "x",
    });
    expect(foldTask(log(["claimed", 0], ["retrying", 1, { error: "E: no" }]))).toMatchObject({
      state: "submitted",
      rests: "retry",
      errors: ["E: no"],
    });
    expect(UNSTARTED.rests).toBe("worker");
  });

  it("shows new attempts, and no resumption of the same one", () => {
    const { items } = foldTask(
      log(
        ["claimed", 0, { attempt: 1, instance: "a" }],
        ["parked", 1],
        ["claimed", 2, { attempt: 1, instance: "b", wake_sequence: 2 }],
        ["retrying", 3, { error: "no", attempt: 1 }],
        ["claimed", 4, { attempt: 2, instance: "a" }],
      ),
    );
    expect(items.map((item) => item.kind === "note" && item.text)).toEqual([
      "Attempt 1 failed: no",
      "Attempt 2 began",
    ]);
  });

  it("links what it sent with what came of it", () => {
    const sent = { message_type: "handoff", to_agent: "Mail", message_id: "m1" };
    const { items } = foldTask(
      log(
        ["claimed", 0],
        ["sent", 1, { ...sent, key: "sent:m1" }],
        ["sent", 2, { ...sent, message_id: "m2", key: "sent:m2" }],
        ["unsent", 3, { ...sent, message_id: "m2", error: "full" }],
        ["child", 4, { key: "child:mail.m1", state: "completed", result: "ok", error: "" }],
      ),
    );
    expect(items).toMatchObject([
      { taskId: "m1", outcome: { state: "completed", result: "ok" }, refused: "" },
      { taskId: "m2", outcome: null, refused: "full" },
    ]);
  });

  it("moves one bar while nothing else happens", () => {
    const view = foldTask(
      log(
        ["claimed", 0],
        ["progress", 1, { text: "a", fraction: 0.1 }],
        ["progress", 2, { text: "b", fraction: 7 }],
        ["said", 3, { text: "hm" }],
        ["progress", 4, { text: "c", fraction: null }],
      ),
    );
    expect(view.items.map((item) => item.kind)).toEqual(["progress", "said", "progress"]);
    expect(view.items[0]).toMatchObject({ text: "b", fraction: 1 });
    expect(view.progress).toEqual({ text: "c", fraction: null });
  });

  it("moves the bar of a text whatever happens in between, at every point of the log", () => {
    const events = log(
      ["claimed", 0, OPENING],
      ...Array.from({ length: 14 }, (_, ix): [string, number, { [key: string]: Json }][] => [
        ["progress", ix, { text: `page ${ix + 1} of 14`, fraction: (ix + 1) / 14 }],
        ["step", ix, { key: `step:read#${ix}`, name: "read" }],
      ]).flat(),
      ["progress", 20, { text: "binds", fraction: 0.5 }],
      ["said", 21, { text: "hm" }],
      ["progress", 22, { text: "binds", fraction: 1 }],
      ["retrying", 23, { attempt: 1, error: "E" }],
      ["claimed", 24, { attempt: 2 }],
      ["progress", 25, { text: "page 1 of 14", fraction: 1 / 14 }],
    );
    const bars = (count: number) =>
      foldTask(events.slice(0, count)).items.flatMap((item) =>
        item.kind === "progress" ? [[item.text, item.fraction]] : [],
      );
    for (let page = 1; page <= 14; page += 1)
      expect(bars(page * 2)).toEqual([[`page ${page} of 14`, page / 14]]);
    expect(bars(32)).toEqual([
      ["page 14 of 14", 1],
      ["binds", 1],
    ]);
    expect(foldTask(events.slice(0, 32)).progress).toEqual({ text: "binds", fraction: 1 });
    // Another attempt begins anew.
    expect(foldTask(events.slice(0, 34)).progress).toBeNull();
    expect(bars(events.length).at(-1)).toEqual(["page 1 of 14", 1 / 14]);
    expect(bars(events.length)).toHaveLength(3);
    expect(
      foldTask(events)
        .items.slice(0, 3)
        .map((item) => item.kind),
    ).toEqual(["opening", "progress", "step"]);
  });

  it("shows images of known kinds alone", () => {
    const { items } = foldTask(
      log(
        ["claimed", 0],
        ["image", 1, { media_type: "image/png", data: "AAA=" }],
        ["image", 1, { media_type: "image/svg+xml", data: "AAA=" }],
        ["image", 1, { url: "https://example.com/a.png" }],
      ),
    );
    expect(items.map((item) => item.kind === "image" && item.source)).toEqual([
      "data:image/png;base64,AAA=",
      "",
      "",
    ]);
  });

  it("counts what models used, and believes the end", () => {
    const events = log(
      ["claimed", 0],
      ["model", 1, { usage: { requests: 1, input_tokens: 10, output_tokens: 5 } }],
      ["usage", 2, { requests: 1, input_tokens: 1, output_tokens: 2 }],
      ["completed", 3, { result: "x", usage: { requests: 3, input_tokens: 20, output_tokens: 9 } }],
    );
    expect(foldTask(events.slice(0, 3)).usage).toEqual({ requests: 2, input: 11, output: 7 });
    expect(foldTask(events).usage).toEqual({ requests: 3, input: 20, output: 9 });
    expect(callsOf(events).map((call) => call.total)).toEqual([15, 18]);
  });

  it("leaves out what another task paid for", () => {
    const used = { requests: 1, input_tokens: 10, output_tokens: 5 };
    const events = log(
      ["claimed", 0],
      ["usage", 1, used],
      ["taken_over", 2, { task_id: "t0" }],
      ["usage", 3, { ...used, input_tokens: 7 }],
    );
    expect(foldTask(events).usage).toEqual({ requests: 1, input: 7, output: 5 });
    expect(foldTask(events).items).toMatchObject([{ name: "taken_over", data: { task_id: "t0" } }]);
    expect(callsOf(events).map((call) => call.total)).toEqual([12]);
  });

  it("opens a task that ended before anybody claimed it", () => {
    const view = foldTask(log(["canceled", 0, { ...OPENING, error: "canceled before it began" }]));
    expect(view.items.map((item) => item.kind)).toEqual(["opening", "end"]);
    expect(view.state).toBe("canceled");
  });
});

describe("Folder", () => {
  const events = log(
    ["claimed", 0, OPENING],
    ["said", 1, { text: "one" }],
    ["tool_call", 2, { name: "t", id: "1" }],
    ["tool_result", 3, { name: "t", id: "1", result: 4 }],
    ["completed", 4, { result: "end" }],
  );

  it("comes to the same forwards, backwards and at once", () => {
    const folder = new Folder();
    for (const count of [1, 3, 5, 2, 4, 0, 5])
      expect(folder.view(events, count)).toEqual(foldTask(events.slice(0, count)));
  });

  it("comes to the same anywhere in a long log", () => {
    const kinds: [string, number, { [key: string]: Json }?][] = [["claimed", 0, OPENING]];
    for (let n = 0; n < 350; n += 1) {
      kinds.push(["tool_call", n, { name: "t", id: `${n}` }]);
      kinds.push(["tool_result", n, { name: "t", id: `${n}`, result: n }]);
    }
    const long = log(...kinds);
    const folder = new Folder();
    for (const count of [701, 400, 399, 401, 10, 650, 701])
      expect(folder.view(long, count)).toEqual(foldTask(long.slice(0, count)));
    expect(folder.view(long, 500).items[0]).toBe(folder.view(long, 600).items[0]);
  });

  it("leaves what did not change as it is", () => {
    const before = foldTask(events.slice(0, 3));
    const after = extend(before, events.slice(3));
    expect(after.items[0]).toBe(before.items[0]);
    expect(after.items[1]).toBe(before.items[1]);
    expect(after.items[2]).not.toBe(before.items[2]);
    expect(before.items).toHaveLength(3);
  });

  it("starts over when the log became another", () => {
    const folder = new Folder();
    folder.view(events, 3);
    const other = events.filter((event) => event.kind !== "said");
    expect(folder.view(other, 4)).toEqual(foldTask(other));
  });
});

describe("courseOf", () => {
  const events = log(
    ["claimed", 0, OPENING],
    ["step", 2, { key: "step:read#1", name: "read", seconds: 1.5, result: 1 }],
    ["replied", 3, { key: "request:b:x#1", to_agent: "Billing", reply: { content: "shop" } }],
    ["asked", 3, { question: { id: "q", kind: "text", prompt: "Go?" } }],
    ["parked", 4],
    ["claimed", 104, { attempt: 1 }],
    ["answered", 104, { id: "q", by: "ada", answer: "yes" }],
    ["completed", 106],
  );

  it("draws steps, requests and questions with what is known of their beginning", () => {
    const { spans } = courseOf(events);
    expect(
      spans.map(({ kind, name, from, to }) => [kind, name, from - T0, (to ?? 0) - T0]),
    ).toEqual([
      ["step", "read", 500, 2000],
      ["request", "asks Billing", 2000, 3000],
      ["question", "Go?", 3000, 104_000],
    ]);
  });

  it("tells work from waiting", () => {
    const { stretches } = courseOf(events);
    expect(stretches.map(({ kind, from, to }) => [kind, from - T0, (to ?? 0) - T0])).toEqual([
      ["worker", -2000, 0],
      ["work", 0, 4000],
      ["person", 4000, 104_000],
      ["work", 104_000, 106_000],
    ]);
    expect(totals(stretches, 0)).toEqual({ work: 6000, wait: 102_000 });
  });

  it("squeezes long waits alone, and keeps the order of time", () => {
    const { stretches } = courseOf(events);
    const plain = scaleOf(stretches, T0, false);
    const squeezed = scaleOf(stretches, T0, true);
    expect(plain.place(T0 + 52_000)).toBeCloseTo(0.5);
    expect(plain.isSqueezed).toBe(false);
    expect(squeezed.isSqueezed).toBe(true);
    const wait = squeezed.place(T0 + 104_000) - squeezed.place(T0 + 4000);
    expect(wait).toBeCloseTo(1500 / 9000);
    expect(squeezed.place(plain.to)).toBe(1);
    expect(squeezed.place(plain.from)).toBe(0);
  });

  it("ends the bar of a step that was cut off with its attempt", () => {
    const { spans } = courseOf(
      log(
        ["claimed", 0, { attempt: 1 }],
        ["step_started", 1, { key: "step:read#1", name: "read" }],
        ["retrying", 2, { attempt: 1, error: "E" }],
        ["claimed", 60, { attempt: 2 }],
        ["step", 63, { key: "step:read#1", name: "read", result: 5, seconds: 2 }],
        ["step_started", 64, { key: "step:tick#1", name: "tick" }],
        ["canceled", 70],
      ),
    );
    expect(
      spans.map(({ name, from, to, detail }) => [name, from - T0, (to ?? 0) - T0, detail]),
    ).toEqual([
      ["read", 1000, 2000, "cut off"],
      ["read", 61_000, 63_000, "5"],
      ["tick", 64_000, 70_000, "cut off"],
    ]);
  });

  it("leaves open what goes on", () => {
    const { spans, stretches } = courseOf(events.slice(0, 5));
    expect(spans.at(-1)?.to).toBeNull();
    expect(stretches.at(-1)).toMatchObject({ kind: "person", to: null });
  });
});

it("names a call by its key", () => {
  expect(nameOf("report/step:read#2")).toBe("read");
});

it("puts a text that is written behind the line after which it was begun", () => {
  const { items } = foldTask(
    log(["claimed", 0, OPENING], ["said", 1, { text: "a" }], ["said", 2, { text: "b" }]),
  );
  expect([3, 6, 7, 9, Number.POSITIVE_INFINITY].map((after) => placeOf(items, after))).toEqual([
    0, 1, 1, 2, 2,
  ]);
  expect(placeOf(items.slice(2), 3)).toBe(0);
  expect(placeOf([], 3)).toBe(-1);
});

it("a log of 20,000 events is folded at any point, and its course is told", () => {
  const kinds = ["tool_call", "tool_result", "sent", "child", "asked", "parked", "claimed", "said"];
  const events = log(
    ...Array.from({ length: 20_000 }, (_, ix): [string, number, { [key: string]: Json }] => {
      const turn = Math.floor(ix / kinds.length);
      const data = {
        id: `c${turn}`,
        name: "look",
        message_id: `m${turn}`,
        key: `child:a.m${turn}`,
      };
      return [
        kinds[ix % kinds.length] ?? "",
        ix,
        { ...data, question: { id: `q${turn}`, prompt: "?" } },
      ];
    }),
  );
  const counts = [20_000, 1, 19_999, 10_000, 15_001];
  const folder = new Folder();
  const views = counts.map((count) => folder.view(events, count));
  const { spans } = courseOf(events);
  expect(spans).toHaveLength(7_500);
  for (const [ix, count] of counts.entries())
    expect(views[ix]?.items.length).toBe(foldTask(events.slice(0, count)).items.length);
});
