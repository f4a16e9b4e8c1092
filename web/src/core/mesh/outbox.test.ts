import { expect, test } from "vitest";
import { Problem } from "../problem";
import type { Json, Reply } from "../protocol";
import { Outbox } from "./outbox";

class Gateway {
  readonly heard: Json[] = [];
  readonly #waiting: { resolve(reply: Reply): void; reject(problem: Problem): void }[] = [];

  ask(frame: { op: string; [field: string]: Json }): Promise<Reply> {
    this.heard.push(frame.message_id ?? null);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
  take(id: string): void {
    this.#waiting.shift()?.resolve({ re: "", ok: true, message_id: id, task_id: id });
  }
  refuse(problem: Problem): void {
    this.#waiting.shift()?.reject(problem);
  }
}

function tab(): () => Storage {
  const items = new Map<string, string>();
  return () =>
    ({
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
    }) as unknown as Storage;
}

const texts = (outbox: Outbox) =>
  outbox.slice.value.map((one) => [one.text, one.problem?.message ?? ""]);

test("what was not sent when the page was loaded anew is sent under the same id", async () => {
  const [where, before, after] = [tab(), new Gateway(), new Gateway()];
  const first = new Outbox(before, "ada", where);
  void first.send({ kind: "direct", to: "Billing", text: "one" });
  const refused = first.send({ kind: "direct", to: "Billing", text: "two" });
  before.take("t1");
  before.refuse(new Problem(429, "inbox-full", "Too many"));
  expect(await refused).toBeNull();
  void first.send({ kind: "broadcast", text: "three" });
  const next = new Outbox(after, "ada", where);
  expect(texts(next)).toEqual([
    ["two", "Too many"],
    ["three", ""],
  ]);
  expect(after.heard).toEqual(before.heard.slice(2));
  expect(texts(new Outbox(new Gateway(), "grace", where))).toEqual([]);
});

test("of what is old the person is asked: it may be there already", () => {
  const where = tab();
  void new Outbox(new Gateway(), "ada", where).send({ kind: "broadcast", text: "one" });
  const aged = where().getItem("hubbub.outbox:ada") ?? "";
  where().setItem("hubbub.outbox:ada", aged.replace(/"at":\d+/, '"at":1'));
  const gateway = new Gateway();
  const [[text, problem] = []] = texts(new Outbox(gateway, "ada", where));
  expect([text, problem]).toEqual(["one", expect.stringContaining("before it was known")]);
  expect(gateway.heard).toEqual([]);
});
