/** One message in full, and the thread that it is part of. */
import { ArrowRight, ListChecks, MessagesSquare, Waypoints, X } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { Link } from "wouter";
import { useMesh } from "@/app/hooks";
import { paths } from "@/app/places";
import type { Message } from "@/core/mesh/message";
import { duration, moment } from "@/core/text";
import { Avatar, IconButton, Name, Skeleton } from "@/kit";
import { Files } from "./Files";
import { useHistory } from "./history";
import { MessageList } from "./MessageList";
import { KindBadge, Said } from "./MessageRow";
import { listener, speaker } from "./said";
import "./message-drawer.css";

const never = () => false;

export function MessageDrawer({
  message,
  onOpen,
  onClose,
}: {
  message: Message;
  onOpen: (message: Message) => void;
  onClose: () => void;
}) {
  const panel = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each message is come to anew
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [message.key]);
  const { name, isPerson } = speaker(message);
  return (
    <aside
      ref={panel}
      className="drawer"
      aria-label="Message"
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <header>
        <Avatar name={name} person={isPerson} size={28} />
        <h2 className="truncate">
          <Name name={name} />
          {message.to && (
            <>
              <ArrowRight size={13} aria-label="to" />
              <span className="truncate">{listener(message)}</span>
            </>
          )}
        </h2>
        <IconButton label="Close" onPress={onClose}>
          <X size={17} />
        </IconButton>
      </header>
      <div className="drawer-message scroll">
        <p className="drawer-facts">
          <KindBadge kind={message.kind} failed={message.failed} />
          <time className="num" dateTime={new Date(message.at).toISOString()}>
            {moment(message.at)}
          </time>
          {message.latency !== null && (
            <span className="num">after {duration(message.latency)}</span>
          )}
        </p>
        <Said message={message} />
        <Files files={message.files} />
      </div>
      <nav className="drawer-links" aria-label="Where it belongs">
        {message.taskId && (
          <Link href={paths.task(message.taskId)}>
            <ListChecks size={15} aria-hidden="true" /> Task
          </Link>
        )}
        {message.context && (
          <>
            <Link href={paths.flow(message.context)}>
              <Waypoints size={15} aria-hidden="true" /> Flow
            </Link>
            <Link href={paths.conversation(message.context)}>
              <MessagesSquare size={15} aria-hidden="true" /> Conversation
            </Link>
          </>
        )}
      </nav>
      {message.context && <Thread message={message} onOpen={onOpen} />}
    </aside>
  );
}

function Thread({ message, onOpen }: { message: Message; onOpen: (message: Message) => void }) {
  const { context } = message;
  const me = useMesh().session.user ?? "";
  const wanted = useMemo(() => ({ context }), [context]);
  const { feed, isLoaded, older } = useHistory(context, wanted, (one) => one.context === context);
  const count = feed.messages.length;
  return (
    <section className="drawer-thread" aria-label="Thread">
      <h3>
        Thread{" "}
        {count > 0 && (
          <span className="num">
            {count}
            {feed.before !== null && "+"}
          </span>
        )}
      </h3>
      {count === 0 && !isLoaded ? (
        <Skeleton lines={4} />
      ) : (
        <MessageList
          key={context}
          label="Thread"
          messages={feed.messages}
          hasOlder={feed.before !== null}
          older={older}
          me={me}
          isRich={never}
          showTo
          opened={message.key}
          onOpen={onOpen}
          empty={<p className="muted">Nothing of it is stored.</p>}
        />
      )}
    </section>
  );
}
