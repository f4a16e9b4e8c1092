/** A channel: everything that is said, or what is said to everybody. */
import { Hash } from "lucide-react";
import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { CHANNELS, paths } from "@/app/places";
import type { Message } from "@/core/mesh/message";
import type { Outgoing } from "@/core/mesh/outbox";
import { Empty, Segmented } from "@/kit";
import { ChatScreen } from "./ChatScreen";
import { Composer, type Wanted } from "./Composer";
import { useHistory } from "./history";
import { useOutgoing } from "./outgoing";
import { asShow, FILTERS, isRich, type Show } from "./said";
import { useSteady } from "./steady";

export function Channel({ id }: { id: string }) {
  if (id === "all") return <Everything />;
  if (id === "announcements") return <Announcements />;
  return <Empty>There is no channel of this name.</Empty>;
}

const NAMES: readonly { id: Show; name: string }[] = [
  { id: "all", name: "All" },
  { id: "people", name: "For people" },
  { id: "handoffs", name: "Handoffs" },
  { id: "errors", name: "Errors" },
];

const NONE: { readonly [show in Show]: string } = {
  all: "Nothing has been said yet.",
  people: "Nothing has been said to people, or by them, as far back as is loaded.",
  handoffs: "Nobody has handed over anything, as far back as is loaded.",
  errors: "Nothing has failed, as far back as is loaded.",
};

const sentAnywhere = () => true;

function Everything() {
  const mesh = useMesh();
  const feed = useSteady(useSlice(mesh.feed.slice));
  const loaded = useSlice(mesh.loaded).messages;
  const [search, setSearch] = useSearchParams();
  const show = asShow(search.get("show"));
  const choose = (next: Show) => setSearch(next === "all" ? {} : { show: next }, { replace: true });
  const place = paths.channel("all");
  const outgoing = useOutgoing(sentAnywhere, feed.messages);
  const say = useSay();
  return (
    <ChatScreen
      place={place}
      label="Everything that is said"
      listKey={show}
      head={
        <>
          <ChannelHead id="all" />
          <Segmented label="Show" options={NAMES} value={show} onChange={choose} />
        </>
      }
      messages={feed.messages}
      hasOlder={mesh.seesAll && feed.before !== null}
      older={() => mesh.readOlder()}
      isLoaded={loaded?.done ?? !mesh.seesAll}
      problem={loaded?.done ? null : (loaded?.problem ?? null)}
      onRetry={() => mesh.refresh()}
      fits={FILTERS[show]}
      isRich={isRich}
      showTo
      outgoing={outgoing}
      empty={
        mesh.seesAll ? (
          <Empty {...(show === "all" ? { command: "hubbub demo" } : {})}>{NONE[show]}</Empty>
        ) : (
          <OwnAlone />
        )
      }
    >
      <Composer
        place={place}
        label="Message to an agent"
        hint="@agent message, or /workflow"
        needsAddressee
        onSend={say}
      />
    </ChatScreen>
  );
}

const BROADCASTS = { kind: ["broadcast"] };
const isBroadcast = (one: Message | Outgoing): boolean => one.kind === "broadcast";

function Announcements() {
  const mesh = useMesh();
  const { feed, isLoaded, problem, older, reload } = useHistory(
    "announcements",
    BROADCASTS,
    isBroadcast,
  );
  const place = paths.channel("announcements");
  const outgoing = useOutgoing(isBroadcast, feed.messages);
  const say = useSay();
  return (
    <ChatScreen
      place={place}
      label="Announcements"
      head={<ChannelHead id="announcements" />}
      messages={feed.messages}
      hasOlder={feed.before !== null}
      older={older}
      isLoaded={isLoaded}
      problem={problem}
      onRetry={reload}
      isRich={isRich}
      showTo={false}
      outgoing={outgoing}
      empty={
        <Empty command='hubbub send --all "Hello"'>
          {mesh.seesAll
            ? "Nobody has announced anything yet."
            : "You see what is announced from now on."}
        </Empty>
      }
    >
      <Composer
        place={place}
        label="Announcement to everybody"
        hint="Announce something to everybody"
        toEverybody
        onSend={say}
      />
    </ChatScreen>
  );
}

function ChannelHead({ id }: { id: string }) {
  const channel = useMemo(() => CHANNELS.find((one) => one.id === id), [id]);
  return (
    <div className="grow">
      <h1 className="chat-title">
        <Hash size={16} aria-hidden="true" /> {channel?.name}
      </h1>
      <p className="truncate">{channel?.about}</p>
    </div>
  );
}

/** Says what was written: to whom it names, and else to everybody. */
function useSay(): (wanted: Wanted) => void {
  const { outbox } = useMesh();
  return ({ text, files, to }) =>
    void outbox.send(
      to ? { kind: "direct", to: to.name, text, files } : { kind: "broadcast", text, files },
    );
}

export function OwnAlone() {
  return (
    <Empty>
      You see what you say, and what is answered. All that agents say is for viewers; whoever runs
      the mesh gives roles.
    </Empty>
  );
}
