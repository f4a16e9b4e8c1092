/** A head, what is said, a place to write, and the drawer with the message that is looked at. */
import { ChevronLeft } from "lucide-react";
import { type ReactNode, useCallback, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { useMesh } from "@/app/hooks";
import type { Message } from "@/core/mesh/message";
import type { Outgoing } from "@/core/mesh/outbox";
import type { Problem } from "@/core/problem";
import { Failure, Skeleton } from "@/kit";
import type { Ask } from "./asks";
import { MessageDrawer } from "./MessageDrawer";
import { MessageList } from "./MessageList";
import { unreadOf, useReading } from "./unread";

export interface ChatScreenProps {
  /** The address of the place. */
  place: string;
  label: string;
  head: ReactNode;
  messages: readonly Message[];
  hasOlder: boolean;
  older: () => Promise<void>;
  isLoaded: boolean;
  problem: Problem | null;
  onRetry: () => void;
  fits?: (one: Message) => boolean;
  isRich: (one: Message) => boolean;
  showTo: boolean;
  asks?: readonly Ask[];
  outgoing?: readonly Outgoing[];
  /** Changes when the list is to begin anew, at its end. */
  listKey?: string;
  empty: ReactNode;
  children?: ReactNode;
}

export function ChatScreen({
  place,
  label,
  head,
  messages,
  isLoaded,
  problem,
  onRetry,
  listKey = "",
  children,
  ...list
}: ChatScreenProps) {
  const mesh = useMesh();
  const me = mesh.session.user ?? "";
  const [search, setSearch] = useSearchParams();
  const [follows, setFollows] = useState(true);
  const [[newSince, newUntil]] = useState(
    () => [unreadOf(mesh).readAt(place), Date.now()] as const,
  );
  const opened = search.get("message") ?? "";
  // A message of the thread need not be in the list.
  const [picked, setPicked] = useState<Message | null>(null);
  const found =
    picked?.key === opened ? picked : (messages.find((one) => one.key === opened) ?? null);
  useReading(place, messages.at(-1)?.at ?? 0, follows);
  const open = useCallback(
    (message: Message | null) => {
      setPicked(message);
      setSearch(
        (before) => {
          const next = new URLSearchParams(before);
          if (message) next.set("message", message.key);
          else next.delete("message");
          return next;
        },
        { replace: true },
      );
    },
    [setSearch],
  );
  return (
    <div className="screen chat">
      <header className="screen-head chat-head">
        <Link href="/chat" className="chat-back" aria-label="All channels and agents">
          <ChevronLeft size={20} aria-hidden="true" />
        </Link>
        {head}
      </header>
      <div className="chat-main">
        <div className="chat-column">
          {problem && <Failure problem={problem} onRetry={onRetry} />}
          {messages.length === 0 && !isLoaded && !problem ? (
            <div className="chat-list-none">
              <Skeleton lines={8} />
            </div>
          ) : (
            <MessageList
              key={listKey}
              label={label}
              messages={messages}
              newSince={newSince}
              newUntil={newUntil}
              me={me}
              opened={opened}
              onOpen={open}
              onFollow={setFollows}
              {...list}
            />
          )}
          {children}
        </div>
        {found && <MessageDrawer message={found} onOpen={open} onClose={() => open(null)} />}
      </div>
    </div>
  );
}
