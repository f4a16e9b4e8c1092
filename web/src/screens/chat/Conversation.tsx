/** One thread alone: all that was said about one thing, in order. */
import { Waypoints } from "lucide-react";
import { useCallback, useMemo } from "react";
import { Link } from "wouter";
import { useMesh } from "@/app/hooks";
import { paths } from "@/app/places";
import type { Message } from "@/core/mesh/message";
import type { Outgoing } from "@/core/mesh/outbox";
import { Avatar, Empty } from "@/kit";
import { ChatScreen } from "./ChatScreen";
import { Composer, type Wanted } from "./Composer";
import { useHistory } from "./history";
import { useOutgoing } from "./outgoing";
import { speaker } from "./said";

const MOST_SHOWN = 5;
const always = () => true;

export function Conversation({ context }: { context: string }) {
  const { outbox } = useMesh();
  const wanted = useMemo(() => ({ context }), [context]);
  const { feed, isLoaded, problem, older, reload } = useHistory(
    context,
    wanted,
    (one) => one.context === context,
  );
  const isHere = useCallback((one: Outgoing) => one.context === context, [context]);
  const outgoing = useOutgoing(isHere, feed.messages);
  const who = useMemo(() => speakers(feed.messages), [feed.messages]);
  const say = ({ text, files, to }: Wanted) =>
    to && void outbox.send({ kind: "direct", to: to.name, text, files, context });
  return (
    <ChatScreen
      place={paths.conversation(context)}
      label="Conversation"
      head={
        <>
          <div className="grow">
            <h1 className="chat-title truncate">Conversation</h1>
            <p className="truncate">
              <code>{context}</code> · {feed.messages.length}
              {feed.before !== null && "+"} messages
            </p>
          </div>
          <span
            className="chat-faces"
            role="img"
            aria-label={who.map((one) => one.name).join(", ")}
          >
            {who.slice(0, MOST_SHOWN).map((one) => (
              <Avatar key={one.name} name={one.name} person={one.isPerson} size={26} />
            ))}
            {who.length > MOST_SHOWN && <span className="muted">+{who.length - MOST_SHOWN}</span>}
          </span>
          <Link className="chat-link" href={paths.flow(context)}>
            <Waypoints size={15} aria-hidden="true" /> Flow
          </Link>
        </>
      }
      messages={feed.messages}
      hasOlder={feed.before !== null}
      older={older}
      isLoaded={isLoaded}
      problem={problem}
      onRetry={reload}
      isRich={always}
      showTo
      outgoing={outgoing}
      empty={<Empty>Nothing of this conversation is stored, or it is not yours to see.</Empty>}
    >
      <Composer
        place={paths.conversation(context)}
        label="Message in this conversation"
        hint="@agent message: goes on in this conversation"
        needsAddressee
        onSend={say}
      />
    </ChatScreen>
  );
}

function speakers(messages: readonly Message[]): { name: string; isPerson: boolean }[] {
  const found = new Map<string, { name: string; isPerson: boolean }>();
  for (const one of messages) {
    const who = speaker(one);
    found.set(who.name, who);
  }
  return [...found.values()];
}
