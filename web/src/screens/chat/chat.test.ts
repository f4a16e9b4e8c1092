import { describe, expect, it } from "vitest";
import type { Message } from "@/core/mesh/message";
import type { Task } from "@/core/protocol";
import { readEvents } from "./asks";
import { saidByTasks } from "./history";
import { addressee, BEGIN_WITH, fitting, mentionAt, needsNothing, refusalOf } from "./mentions";
import { countBehind, rowsOf, withFront } from "./rows";
import { FILTERS, isRich, speaker } from "./said";
import { newsAt } from "./unread";

const NOW = Date.now();

function said(change: Partial<Message> = {}): Message {
  const at = change.at ?? NOW;
  return {
    key: `direct:${change.id ?? at}`,
    kind: "direct",
    from: "Triage-Bot",
    to: "Reviewer",
    content: "text",
    text: "text",
    id: String(at),
    inReplyTo: "",
    context: "c",
    taskId: "",
    user: "",
    at,
    latency: null,
    failed: false,
    files: [],
    isOpen: false,
    ...change,
  };
}

const show = { asks: [], outgoing: [], newSince: 0, newUntil: 0, me: "ada", isRich: () => true };

describe("messages", () => {
  it("are shown in full for people, and in one line between agents", () => {
    expect(isRich(said())).toBe(false);
    expect(isRich(said({ to: "Gateway" }))).toBe(true);
    expect(isRich(said({ kind: "broadcast", to: "" }))).toBe(true);
    expect(isRich(said({ kind: "reply", text: "x".repeat(400) }))).toBe(true);
    expect(isRich(said({ kind: "reply", isOpen: true }))).toBe(true);
  });

  it("are filtered", () => {
    expect(FILTERS.people(said({ user: "ada" }))).toBe(true);
    expect(FILTERS.people(said())).toBe(false);
    expect(FILTERS.handoffs(said({ kind: "handoff" }))).toBe(true);
    expect(FILTERS.errors(said({ failed: true }))).toBe(true);
  });

  it("are said by people under their own names", () => {
    expect(speaker(said({ from: "Gateway", user: "ada" }))).toEqual({
      name: "ada",
      isPerson: true,
    });
    expect(speaker(said()).isPerson).toBe(false);
  });
});

describe("rowsOf", () => {
  it("puts days between, and goes on where the same one speaks", () => {
    const rows = rowsOf({
      ...show,
      messages: [
        said({ at: NOW - 86_400_000 }),
        said({ at: NOW - 2_000 }),
        said({ at: NOW - 1_000 }),
        said({ at: NOW, from: "Billing" }),
      ],
    });
    expect(rows.map((row) => row.kind)).toEqual([
      "day",
      "message",
      "day",
      "message",
      "message",
      "message",
    ]);
    expect(rows.map((row) => row.kind === "message" && row.goesOn)).toEqual([
      false,
      false,
      false,
      false,
      true,
      false,
    ]);
  });

  it("marks what is new, but not what one has said oneself", () => {
    const messages = [
      said({ at: NOW - 3_000 }),
      said({ at: NOW - 2_000, user: "ada" }),
      said({ at: NOW - 1_000 }),
    ];
    const kinds = rowsOf({ ...show, messages, newSince: NOW - 2_500, newUntil: NOW }).map(
      (row) => row.kind,
    );
    expect(kinds).toEqual(["message", "message", "new", "message"]);
    const watched = rowsOf({ ...show, messages, newSince: NOW - 2_500, newUntil: NOW - 2_000 });
    expect(watched.some((row) => row.kind === "new")).toBe(false);
  });

  it("puts what is on its way at the end", () => {
    const outgoing = [
      {
        id: "m1",
        kind: "direct" as const,
        to: "x",
        text: "hi",
        context: "",
        files: [],
        at: NOW,
        problem: null,
      },
    ];
    const rows = rowsOf({ ...show, outgoing, messages: [said()] });
    expect(rows.map((row) => row.kind)).toEqual(["message", "outgoing"]);
  });
});

describe("what is held still", () => {
  const all = [1, 2, 3, 4, 5].map((at) => said({ at }));

  it("grows in front alone", () => {
    expect(withFront(all.slice(2, 4), all).map((one) => one.at)).toEqual([1, 2, 3, 4]);
    const held = [said({ at: 99 })];
    expect(withFront(held, all)).toBe(held);
  });

  it("counts what comes behind", () => {
    expect(countBehind(all.slice(0, 3), all, 100)).toBe(2);
    expect(countBehind([said({ at: 99 })], all, 3)).toBe(3);
  });
});

describe("mentions", () => {
  const agents = [
    { name: "Triage-Bot", token: "triage_bot", online: false },
    { name: "Triage", token: "triage", online: true },
    { name: "My Bot", token: "my_bot", online: true },
  ];

  it("are found at the caret", () => {
    expect(mentionAt("hello @tri", 10)).toEqual({ kind: "agent", query: "tri", start: 6 });
    expect(mentionAt("ada@tri", 7)).toBeNull();
    expect(mentionAt("/ref", 4)).toEqual({ kind: "workflow", query: "ref", start: 0 });
    expect(mentionAt("a /ref", 6)).toBeNull();
    expect(mentionAt("@a b", 4)).toBeNull();
  });

  it("fit by what was typed", () => {
    expect(fitting("bot", agents).map((one) => one.name)).toEqual(["My Bot", "Triage-Bot"]);
    expect(fitting("triage", agents)[0]?.name).toBe("Triage");
  });

  it("say whom a text is for", () => {
    expect(addressee("@Triage-Bot: do it", agents)).toMatchObject({
      agent: { token: "triage_bot" },
      text: "do it",
    });
    expect(addressee("@my bot do\nit", agents)?.text).toBe("do\nit");
    expect(addressee("@nobody hi", agents)).toBeNull();
    expect(addressee("hi @Triage", agents)).toBeNull();
  });

  it("say why a text is for nobody", () => {
    expect(refusalOf("hello", agents)).toBe(BEGIN_WITH);
    expect(refusalOf("@ hello", agents)).toBe(BEGIN_WITH);
    expect(refusalOf("@nobodythere, hi", agents)).toContain("no agent nobodythere on");
    expect(refusalOf("/nothing", agents)).toContain("no workflow nothing on");
    expect(refusalOf("/triage now", agents)).toContain("/triage alone");
    expect(refusalOf("@Triage-Bot ", agents)).toContain("what Triage-Bot is to be told");
  });

  it("know what needs no parameters", () => {
    expect(needsNothing({ required: ["a"] })).toBe(false);
    expect(needsNothing({ properties: { a: {} } })).toBe(true);
  });
});

describe("readEvents", () => {
  it("reads events that come in pieces", () => {
    const events: [string, string][] = [];
    const read = readEvents((kind, data) => events.push([kind, data]));
    for (const piece of [
      ": open\n\nevent: del",
      'ta\ndata: {"text":"a"}\n',
      "\nevent: end\ndata: {}\n\n",
    ])
      read(piece);
    expect(events).toEqual([
      ["delta", '{"text":"a"}'],
      ["end", "{}"],
    ]);
  });
});

describe("newsAt", () => {
  const mine = new Map([
    ["t1", true],
    ["t2", false],
  ]);
  const at = (change: Partial<Message>) => newsAt(said(change), "ada", (id) => mine.get(id));
  const done = { kind: "completion", to: "Gateway" } as const;

  it("is the announcements for what is said to everybody, and nowhere else", () => {
    expect(at({ kind: "broadcast", to: "" })).toBe("/chat/announcements");
    expect(at({ kind: "broadcast", to: "", from: "Gateway", user: "grace" })).toBe(
      "/chat/announcements",
    );
    expect(at({ kind: "broadcast", to: "", from: "Gateway", user: "ada" })).toBe("");
  });

  it("is the agent's place for what comes of one's own, not of what others have said", () => {
    expect(at({ ...done, taskId: "t1" })).toBe("/dm/triage_bot");
    expect(at({ ...done, taskId: "t2" })).toBe("");
    expect(at({ ...done, taskId: "t3" })).toBeUndefined();
    expect(at({ kind: "reply", to: "Gateway", inReplyTo: "t1" })).toBe("/dm/triage_bot");
    expect(at({ kind: "reply", to: "Gateway", inReplyTo: "t1", isOpen: true })).toBe("");
  });

  it("is the agent's place for what it says to people of its own accord", () => {
    expect(at({ to: "Gateway" })).toBe("/dm/triage_bot");
    expect(at({ user: "ada", from: "Gateway" })).toBe("");
    expect(at({ user: "grace", from: "Gateway" })).toBe("");
    expect(at({})).toBe("");
  });
});

describe("saidByTasks", () => {
  const task = {
    id: "t1",
    agent: "Billing",
    state: "completed",
    context_id: "t1",
    content: "Who pays?",
    result: "The shop",
    owner: "ada",
    metadata: {},
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:02Z",
  } as unknown as Task;

  it("tells what was said to tasks, and their results once", () => {
    const said = saidByTasks([task], []);
    expect(said.map((one) => [one.kind, one.text])).toEqual([
      ["direct", "Who pays?"],
      ["completion", "The shop"],
    ]);
    const ended = { ...(said[1] as Message), key: "completion:real" };
    expect(saidByTasks([task], [ended]).map((one) => one.kind)).toEqual(["direct"]);
  });
});
