/** What is said on the mesh: in channels, with one agent, in one conversation. */
import { Channel } from "./Channel";
import { Conversation } from "./Conversation";
import { Direct } from "./Direct";
import { Places } from "./Places";
import "./chat.css";

export type ChatPlace =
  | { kind: "list" }
  | { kind: "channel"; id: string }
  | { kind: "direct"; agent: string }
  | { kind: "conversation"; context: string };

export function Chat({ place }: { place: ChatPlace }) {
  switch (place.kind) {
    case "list":
      return <Places />;
    case "channel":
      return <Channel key={place.id} id={place.id} />;
    case "direct":
      return <Direct key={place.agent} token={place.agent} />;
    default:
      return <Conversation key={place.context} context={place.context} />;
  }
}
