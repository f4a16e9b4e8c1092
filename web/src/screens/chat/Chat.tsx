export type ChatPlace =
  | { kind: "list" }
  | { kind: "channel"; id: string }
  | { kind: "direct"; agent: string }
  | { kind: "conversation"; context: string };

export function Chat(_: { place: ChatPlace }) {
  return <h1>Chat</h1>;
}
