import { expect, test } from "vitest";
import type { MessageEvent } from "../protocol";
import { FeedStore } from "./feed";
import { type Message, ofEvent } from "./message";

let count = 0;

function said(facts: Partial<MessageEvent> = {}): Message {
  count += 1;
  return ofEvent({
    k: "msg",
    kind: "direct",
    from_agent: "Ada",
    to_agent: "Bob",
    content: "hello",
    message_id: `m${count}`,
    in_reply_to: null,
    context_id: "c",
    failed: false,
    at: new Date(count * 1_000).toISOString(),
    ...facts,
  });
}

test("the pieces of a reply become one message", () => {
  const feed = new FeedStore();
  const told: string[] = [];
  feed.tap((messages) =>
    told.push(...messages.map((one) => `${one.text}${one.isOpen ? "…" : ""}`)),
  );
  const reply = (content: string, chunk: boolean) =>
    said({ kind: "reply", content, in_reply_to: "q", chunk });
  expect(feed.add([reply("Once ", true)])).toHaveLength(1);
  expect(feed.add([reply("upon", true), reply(" a time", false)])).toHaveLength(0);
  expect(told).toEqual(["Once …", "Once upon a time"]);
  const [only, ...others] = feed.slice.value.messages;
  expect(others).toEqual([]);
  expect(only?.text).toBe("Once upon a time");
  expect(only?.isOpen).toBe(false);
  expect(feed.add([reply("Another", false)])).toHaveLength(1);
});

test("the stored past takes its place before what is new, and nothing is there twice", () => {
  const feed = new FeedStore();
  const [old, both, fresh] = [said(), said(), said()];
  feed.add([both, fresh]);
  feed.reset([old, both], "cursor");
  expect(feed.slice.value.messages.map((one) => one.id)).toEqual([old.id, both.id, fresh.id]);
  const older = { ...old, key: "older", id: "older", at: 0 };
  feed.prepend([older, old], null);
  expect(feed.slice.value.messages.map((one) => one.id)).toEqual([
    "older",
    old.id,
    both.id,
    fresh.id,
  ]);
  expect(feed.slice.value.before).toBe(null);
});

test("what a list has told already is not told again by the socket", () => {
  const feed = new FeedStore();
  const [both, fresh] = [said(), said()];
  feed.reset([both], null);
  expect(feed.add([both, fresh])).toEqual([fresh]);
  expect(feed.slice.value.messages).toEqual([both, fresh]);
});

test("it keeps the latest ten thousand", () => {
  const feed = new FeedStore();
  for (let turn = 0; turn < 30; turn += 1) feed.add(Array.from({ length: 500 }, () => said()));
  const { messages, total } = feed.slice.value;
  expect(total).toBe(15_000);
  expect(messages).toHaveLength(10_000);
  expect(messages.at(-1)?.id).toBe(`m${count}`);
});
