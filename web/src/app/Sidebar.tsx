/** The left edge: the places, the channels, and who is there. */
import { Hash, LogOut, Play, Search } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { type AgentState, isWorkflow } from "@/core/mesh/agents";
import { Avatar, IconButton, StatusDot } from "@/kit";
import { useUnread } from "@/screens/chat/unread";
import { openPalette } from "./CommandPalette";
import { useMesh, useSlice } from "./hooks";
import { LinkState } from "./LinkState";
import { CHANNELS, PLACES, paths } from "./places";

export function Sidebar({ onSignOut, waiting }: { onSignOut: () => void; waiting: number }) {
  const mesh = useMesh();
  const agents = useSlice(mesh.agents.slice);
  const isLoaded = useSlice(mesh.loaded).agents?.done ?? false;
  const workflows = agents.filter(isWorkflow);
  const others = agents.filter((one) => !isWorkflow(one));
  const online = others.filter((one) => one.online).length;
  const { user, sign_in: ways } = mesh.session;
  return (
    <nav className="side" aria-label="Places">
      <header className="side-head">
        <img src="/favicon.svg" alt="" width={30} height={30} />
        <div>
          <b>Hubbub</b>
          <LinkState />
        </div>
      </header>
      <button type="button" className="side-search" onClick={openPalette}>
        <Search size={15} aria-hidden="true" />
        <span>Search or jump to …</span>
        <kbd>{navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl"} K</kbd>
      </button>
      <ul>
        {PLACES.map(({ path, name, icon: Icon }) => (
          <Item key={path} to={path}>
            <Icon size={16} aria-hidden="true" />
            <span>{name}</span>
            {path === "/inbox" && waiting > 0 && <span className="count hot">{waiting}</span>}
          </Item>
        ))}
      </ul>
      <div className="side-lists scroll">
        <h3>Channels</h3>
        <ul>
          {CHANNELS.map(({ id, name }) => (
            <Item key={id} to={paths.channel(id)}>
              <Hash size={15} aria-hidden="true" />
              <span className="truncate">{name}</span>
              <Unread place={paths.channel(id)} />
            </Item>
          ))}
        </ul>
        {workflows.length > 0 && (
          <>
            <h3>Workflows</h3>
            <ul>
              {workflows.map((agent) => (
                <AgentItem key={agent.token} agent={agent} />
              ))}
            </ul>
          </>
        )}
        <h3>
          Agents{" "}
          <span className="num">
            {online}/{others.length}
          </span>
        </h3>
        <ul>
          {others.map((agent) => (
            <AgentItem key={agent.token} agent={agent} />
          ))}
        </ul>
        {isLoaded && agents.length === 0 && <p className="side-none">Nobody has joined yet.</p>}
      </div>
      <footer className="side-foot">
        <Avatar name={user ?? "?"} person size={24} />
        <span className="truncate">{user}</span>
        <span className="muted">{mesh.session.role}</span>
        {ways.length > 0 && (
          <IconButton label="Sign out" onPress={onSignOut}>
            <LogOut size={15} />
          </IconButton>
        )}
      </footer>
    </nav>
  );
}

/** How much for people has come there and was not seen. */
function Unread({ place }: { place: string }) {
  const unread = useUnread(place);
  if (unread === 0) return null;
  return (
    <span className="count hot num">
      {unread > 99 ? "99+" : unread}
      <span className="hidden-label"> unread</span>
    </span>
  );
}

function AgentItem({ agent }: { agent: AgentState }) {
  return (
    <Item to={paths.direct(agent.token)}>
      {isWorkflow(agent) ? (
        <Play size={15} aria-hidden="true" />
      ) : (
        <Avatar name={agent.name} size={20} />
      )}
      <span className="truncate">{agent.name}</span>
      <Unread place={paths.direct(agent.token)} />
      <StatusDot online={agent.online} busy={agent.running > 0} />
    </Item>
  );
}

function Item({ to, children }: { to: string; children: ReactNode }) {
  const [path] = useLocation();
  const here = to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`);
  return (
    <li>
      <Link href={to} aria-current={here ? "page" : undefined}>
        {children}
      </Link>
    </li>
  );
}
