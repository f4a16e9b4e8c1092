/** Who an agent is, and how it does. */

import { ListChecks, Play, Waypoints } from "lucide-react";
import { ToggleButton } from "react-aria-components";
import { Link } from "wouter";
import { paths } from "@/app/places";
import type { AgentState } from "@/core/mesh/agents";
import { isWorkflow } from "@/core/mesh/agents";
import { Ago, Avatar, Badge, StatusDot } from "@/kit";

const MOST_SHOWN = 4;

export function AgentHead({
  token,
  agent,
  showsAll,
  onShowAll,
}: {
  token: string;
  agent: AgentState | undefined;
  showsAll: boolean;
  onShowAll: (shows: boolean) => void;
}) {
  const name = agent?.name ?? token;
  const capabilities = agent?.capabilities ?? [];
  return (
    <>
      <Avatar name={name} size={36} />
      <div className="grow agent-who">
        <h1 className="chat-title">
          <span className="truncate">{name}</span>
          {agent && <Status agent={agent} />}
        </h1>
        <p className="truncate">{agent ? agent.description : "Not heard of on this mesh"}</p>
      </div>
      <ul className="agent-facts" aria-label="What it can do">
        {capabilities.slice(0, MOST_SHOWN).map((one) => (
          <li key={one}>
            <Badge>{one}</Badge>
          </li>
        ))}
        {capabilities.length > MOST_SHOWN && (
          <li title={capabilities.slice(MOST_SHOWN).join(", ")}>
            <Badge>+{capabilities.length - MOST_SHOWN}</Badge>
          </li>
        )}
        {agent?.model && (
          <li>
            <Badge tone="tool">{agent.model}</Badge>
          </li>
        )}
      </ul>
      <nav className="agent-links" aria-label={`More of ${name}`}>
        <ToggleButton className="button quiet" isSelected={showsAll} onChange={onShowAll}>
          <Waypoints size={15} aria-hidden="true" /> All traffic
        </ToggleButton>
        <Link className="chat-link" href={`/tasks?agent=${encodeURIComponent(token)}`}>
          <ListChecks size={15} aria-hidden="true" /> Tasks
        </Link>
        {agent && isWorkflow(agent) && (
          <Link className="chat-link" href={paths.start(token)}>
            <Play size={15} aria-hidden="true" /> Start …
          </Link>
        )}
      </nav>
    </>
  );
}

function Status({ agent }: { agent: AgentState }) {
  const { running, queued, instances } = agent;
  const isBusy = running > 0;
  return (
    <span className="agent-status">
      <StatusDot online={agent.online} busy={isBusy} />
      {agent.online ? (
        <span className="num">
          {isBusy ? `${running} running` : agent.status}
          {queued > 0 && ` · ${queued} waiting`}
          {instances > 1 && ` · ${instances} instances`}
        </span>
      ) : (
        <span>
          away{queued > 0 && ` · ${queued} waiting`} · last seen <Ago at={agent.last_seen} /> ago
        </span>
      )}
    </span>
  );
}
