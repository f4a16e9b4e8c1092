/** All one can talk to: what the left edge is on a wide window. */

import { ChevronRight, Hash, Play } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { CHANNELS, paths } from "@/app/places";
import type { AgentState } from "@/core/mesh/agents";
import { isWorkflow } from "@/core/mesh/agents";
import { Avatar, Empty, StatusDot } from "@/kit";
import { useUnread } from "./unread";
import "./places.css";

export function Places() {
  const agents = useSlice(useMesh().agents.slice);
  const workflows = agents.filter(isWorkflow);
  const others = agents.filter((one) => !isWorkflow(one));
  return (
    <div className="screen">
      <header className="screen-head">
        <h1>Chat</h1>
      </header>
      <div className="screen-body scroll chat-places">
        <Group title="Channels">
          {CHANNELS.map(({ id, name, about }) => (
            <Entry
              key={id}
              to={paths.channel(id)}
              mark={
                <span className="chat-place-mark">
                  <Hash size={18} aria-hidden="true" />
                </span>
              }
              name={name}
              about={about}
            />
          ))}
        </Group>
        {workflows.length > 0 && (
          <Group title="Workflows">
            {workflows.map((one) => (
              <Agent key={one.token} agent={one} />
            ))}
          </Group>
        )}
        <Group title="Agents">
          {others.map((one) => (
            <Agent key={one.token} agent={one} />
          ))}
        </Group>
        {agents.length === 0 && <Empty command="hubbub demo">Nobody has joined yet.</Empty>}
      </div>
    </div>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h2>{title}</h2>
      <ul>{children}</ul>
    </section>
  );
}

function Agent({ agent }: { agent: AgentState }) {
  return (
    <Entry
      to={paths.direct(agent.token)}
      mark={
        isWorkflow(agent) ? (
          <span className="chat-place-mark">
            <Play size={17} aria-hidden="true" />
          </span>
        ) : (
          <Avatar name={agent.name} size={34} />
        )
      }
      name={agent.name}
      about={agent.description ?? ""}
      end={<StatusDot online={agent.online} busy={agent.running > 0} />}
    />
  );
}

function Entry({
  to,
  mark,
  name,
  about,
  end,
}: {
  to: string;
  mark: ReactNode;
  name: string;
  about: string;
  end?: ReactNode;
}) {
  const unread = useUnread(to);
  return (
    <li>
      <Link href={to} className={unread > 0 ? "unread" : ""}>
        {mark}
        <span className="chat-place-text">
          <b className="truncate">{name}</b>
          <small className="truncate">{about}</small>
        </span>
        {unread > 0 && (
          <span className="count hot">
            {unread > 99 ? "99+" : unread}
            <span className="hidden-label"> unread</span>
          </span>
        )}
        {end}
        <ChevronRight size={16} aria-hidden="true" />
      </Link>
    </li>
  );
}
