/** Talking with one agent. */

import { Play } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { useLoad, useMesh, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { api } from "@/core/api";
import type { AgentState } from "@/core/mesh/agents";
import { isWorkflow } from "@/core/mesh/agents";
import type { Message } from "@/core/mesh/message";
import type { Outgoing } from "@/core/mesh/outbox";
import { agentToken } from "@/core/text";
import { Button, Empty, Segmented } from "@/kit";
import { AgentHead } from "./AgentHead";
import { type Ask, ask, asks } from "./asks";
import { ChatScreen } from "./ChatScreen";
import { Composer, type Wanted } from "./Composer";
import { useHistory } from "./history";
import { fitting } from "./mentions";
import { useOutgoing } from "./outgoing";
import { concerns, isBetweenPeople, isByPerson, isRich } from "./said";

type Mode = "direct" | "ask" | "handoff";

const MODES: readonly { id: Mode; name: string }[] = [
  { id: "direct", name: "Message" },
  { id: "ask", name: "Ask" },
  { id: "handoff", name: "Hand over" },
];

const HINTS: { readonly [mode in Mode]: (name: string) => string } = {
  direct: (name) => `Message ${name}, and set it to work`,
  ask: (name) => `Ask ${name}, and wait for the answer`,
  handoff: (name) => `Hand over to ${name}, ahead of what waits`,
};

export function Direct({ token }: { token: string }) {
  const mesh = useMesh();
  const found = useAgent(token);
  const agent = found ?? undefined;
  const name = agent?.name ?? token;
  const place = paths.direct(token);
  const [showsAll, setShowsAll] = useState(false);
  const [mode, setMode] = useState<Mode>("direct");
  const wanted = useMemo(() => ({ agent: token }), [token]);
  const { feed, isLoaded, problem, older, reload } = useHistory(token, wanted, (one) =>
    concerns(one, token),
  );
  const asked = useAsks(token);
  const hidden = useMemo(() => askedLive(asked, feed.messages), [asked, feed.messages]);
  const fits = useCallback(
    (one: Message) => (showsAll || isBetweenPeople(one)) && !hidden.has(one.key),
    [showsAll, hidden],
  );
  const isHere = useCallback((one: Outgoing) => agentToken(one.to) === token, [token]);
  const outgoing = useOutgoing(isHere, feed.messages);
  const say = ({ text, files, to }: Wanted) => {
    if (mode === "ask") ask(mesh.session.user ?? "", to?.name ?? name, text, files);
    else void mesh.outbox.send({ kind: mode, to: to?.name ?? name, text, files });
  };
  return (
    <ChatScreen
      place={place}
      label={`Conversation with ${name}`}
      listKey={showsAll ? "all" : ""}
      head={<AgentHead token={token} agent={agent} showsAll={showsAll} onShowAll={setShowsAll} />}
      messages={feed.messages}
      hasOlder={feed.before !== null}
      older={older}
      isLoaded={isLoaded}
      problem={problem}
      onRetry={reload}
      fits={fits}
      isRich={isRich}
      showTo={showsAll}
      asks={asked}
      outgoing={outgoing}
      empty={
        <Empty>
          {showsAll ? "Nobody" : "No person"} has talked with {name} yet.
          {agent && (isWorkflow(agent) ? " Start it below." : " Write to it below.")}
        </Empty>
      }
    >
      {found === null ? (
        <Unknown name={name} />
      ) : found && isWorkflow(found) ? (
        <StartBar agent={found} />
      ) : (
        <Composer
          place={place}
          label={`Message to ${name}`}
          hint={HINTS[mode](name)}
          noteTo={HINTS[mode]}
          modes={<Segmented label="What to do" options={MODES} value={mode} onChange={setMode} />}
          onSend={say}
        />
      )}
    </ChatScreen>
  );
}

function StartBar({ agent }: { agent: AgentState }) {
  const [, go] = useLocation();
  return (
    <section className="composer start-bar" aria-label="Start">
      <p>{agent.name} is a workflow: it is started with its parameters.</p>
      <Button look="primary" onPress={() => go(paths.start(agent.token))}>
        <Play size={15} aria-hidden="true" /> Start …
      </Button>
    </section>
  );
}

/** An agent, whether or not it is there now; null if none of that name has ever been there,
 *  undefined as long as that is not known. */
function useAgent(token: string): AgentState | null | undefined {
  const mesh = useMesh();
  const here = useSlice(mesh.agents.slice).find((one) => one.token === token);
  const isRead = useSlice(mesh.loaded).agents?.done ?? false;
  const isAway = isRead && !here;
  const { data } = useLoad(
    async (signal) => (isAway ? (await api.everyAgent(signal)).agents : undefined),
    [isAway, token],
  );
  if (here || !isAway || !data) return here;
  const once = data.find((one) => agentToken(one.name) === token);
  return once ? { ...once, token, beatAt: 0 } : null;
}

const MOST_OTHERS = 8;

/** In the place of the composer: what is written to nobody, nobody reads. */
function Unknown({ name }: { name: string }) {
  const agents = useSlice(useMesh().agents.slice);
  const online = agents.filter((one) => one.online);
  const alike = fitting(name.slice(0, 3), online, MOST_OTHERS);
  const others = [...new Set([...alike, ...online])].slice(0, MOST_OTHERS);
  return (
    <section className="composer nobody" aria-label="Nobody of this name">
      <p>
        No agent named <b>{name}</b> has ever been on this mesh, so nobody would read what is
        written here.{" "}
        {others.length > 0 ? "Those that are there:" : "Just now there is nobody else, either."}
      </p>
      <ul>
        {others.map((one) => (
          <li key={one.token}>
            <Link href={paths.direct(one.token)}>{one.name}</Link>
          </li>
        ))}
        {others.length > 0 && (
          <li>
            <Link href="/chat">All</Link>
          </li>
        )}
      </ul>
    </section>
  );
}

function useAsks(token: string): readonly Ask[] {
  const me = useMesh().session.user ?? "";
  const all = useSlice(asks);
  return useMemo(() => all.filter((one) => one.by === me && one.token === token), [all, me, token]);
}

const SAME_MS = 15_000;

/** What is heard on the mesh of the questions that the page itself has asked: it is shown once. */
export function askedLive(asked: readonly Ask[], messages: readonly Message[]): Set<string> {
  const hidden = new Set<string>();
  if (asked.length === 0) return hidden;
  const answered = new Set<string>();
  for (const one of messages) {
    if (one.kind === "request" && isByPerson(one)) {
      const isOurs = asked.some(
        (own) =>
          own.text === one.text &&
          (one.user === "" || one.user === own.by) &&
          Math.abs(own.at - one.at) < SAME_MS,
      );
      if (!isOurs) continue;
      hidden.add(one.key);
      answered.add(one.id);
    } else if (one.kind === "reply" && answered.has(one.inReplyTo)) hidden.add(one.key);
  }
  return hidden;
}
