/** All tasks, the one that changed last first. */
import { ArrowUp, ChevronDown, Play, Search } from "lucide-react";
import { useState } from "react";
import { Input, Menu, MenuItem, MenuTrigger, Popover, SearchField } from "react-aria-components";
import { useLocation, useSearchParams } from "wouter";
import { useMesh, useNarrow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { type AgentState, isWorkflow } from "@/core/mesh/agents";
import { agentToken } from "@/core/text";
import { Avatar, Button, Empty, Failure, Segmented, Skeleton } from "@/kit";
import {
  type Filters,
  filtersOf,
  held,
  listed,
  type Order,
  orderOf,
  searchOf,
  VIEW_NAMES,
  VIEWS,
  waitingOn,
} from "./rows";
import { TaskList } from "./TaskList";
import { usePages } from "./usePages";
import "./tasks.css";

export function Tasks() {
  const mesh = useMesh();
  const narrow = useNarrow();
  const [search, setSearch] = useSearchParams();
  const filters = filtersOf(search);
  const agents = useSlice(mesh.agents.slice);
  const live = useSlice(mesh.tasks.slice);
  const pages = usePages(filters.view, filters.agent, useSlice(mesh.link).gaps);
  const [order, setOrder] = useState<Order | null>(null);
  const all = listed(pages.tasks, live, filters, mesh.session.user ?? "");
  const shown = order ? held(all, order) : all;
  const fresh = all.length - shown.length;
  const change = (next: Partial<Filters>) => {
    setOrder(null);
    setSearch(searchOf({ ...filters, ...next }), { replace: true });
  };
  const unknown = useSlice(mesh.loaded).agents?.done ? null : undefined;
  const byToken = new Map(agents.map((one) => [one.token, one]));
  const lines = shown.map((task) => ({
    id: task.id,
    task,
    waits: waitingOn(task, byToken.get(agentToken(task.agent)) ?? unknown),
  }));
  const isFiltered =
    filters.view !== "all" || filters.agent !== "" || filters.isMine || filters.text !== "";
  return (
    <div className="screen tasks">
      <header className="screen-head">
        <h1>Tasks</h1>
        <Filter text={filters.text} onChange={(text) => change({ text })} />
        <StartMenu agents={agents} />
      </header>
      <Bar filters={filters} agents={agents} seesAll={mesh.seesAll} onChange={change} />
      <div className="tasks-list">
        {fresh > 0 && (
          <Button className="tasks-fresh" onPress={() => setOrder(null)}>
            <ArrowUp size={14} aria-hidden="true" /> {fresh} new
          </Button>
        )}
        {pages.problem && <Failure problem={pages.problem} onRetry={pages.reload} />}
        {!pages.isRead && all.length === 0 ? (
          <Skeleton lines={10} />
        ) : all.length === 0 && !pages.problem ? (
          <Nothing
            isFiltered={isFiltered}
            hasMore={pages.before !== null}
            isLoading={pages.isLoading}
            onMore={pages.readMore}
            onClear={() => change({ view: "all", agent: "", isMine: false, text: "" })}
            agents={agents}
          />
        ) : (
          <TaskList
            lines={lines}
            isNarrow={narrow}
            isLoading={pages.isLoading}
            onMore={pages.readMore}
            onHold={(isDown) => setOrder((before) => (isDown ? (before ?? orderOf(all)) : null))}
          />
        )}
      </div>
    </div>
  );
}

function Filter({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  return (
    <SearchField className="tasks-search grow" aria-label="Filter" value={text} onChange={onChange}>
      <Search size={15} aria-hidden="true" />
      <Input className="input" placeholder="Text, id, error …" />
    </SearchField>
  );
}

function Bar({
  filters,
  agents,
  seesAll,
  onChange,
}: {
  filters: Filters;
  agents: readonly AgentState[];
  seesAll: boolean;
  onChange: (next: Partial<Filters>) => void;
}) {
  const isKnown = filters.agent === "" || agents.some((one) => one.token === filters.agent);
  return (
    <div className="tasks-bar scroll">
      <Segmented
        label="State"
        options={VIEWS.map((id) => ({ id, name: VIEW_NAMES[id] }))}
        value={filters.view}
        onChange={(view) => onChange({ view })}
      />
      {seesAll && (
        <Segmented
          label="Whose"
          options={[
            { id: "all", name: "Everybody's" },
            { id: "me", name: "Mine" },
          ]}
          value={filters.isMine ? "me" : "all"}
          onChange={(of) => onChange({ isMine: of === "me" })}
        />
      )}
      <select
        className="input tasks-agent"
        aria-label="Agent"
        value={filters.agent}
        onChange={(event) => onChange({ agent: event.target.value })}
      >
        <option value="">All agents</option>
        {!isKnown && <option value={filters.agent}>{filters.agent}</option>}
        {agents.map((one) => (
          <option key={one.token} value={one.token}>
            {one.name}
          </option>
        ))}
      </select>
    </div>
  );
}

function StartMenu({ agents }: { agents: readonly AgentState[] }) {
  const [, go] = useLocation();
  const workflows = agents.filter(isWorkflow);
  const others = agents.filter((one) => !isWorkflow(one));
  return (
    <MenuTrigger>
      <Button look="primary" isDisabled={agents.length === 0}>
        <Play size={14} aria-hidden="true" /> Start <ChevronDown size={14} aria-hidden="true" />
      </Button>
      <Popover className="popover" placement="bottom end">
        <Menu aria-label="What to start" onAction={(token) => go(paths.start(String(token)))}>
          {[...workflows, ...others].map((one) => (
            <MenuItem key={one.token} id={one.token} textValue={one.name} className="menu-item">
              {one.input_schema ? (
                <Play size={16} aria-hidden="true" />
              ) : (
                <Avatar name={one.name} size={18} />
              )}
              <span className="truncate">{one.name}</span>
              {!one.online && <span className="tasks-away muted">away</span>}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function Nothing({
  isFiltered,
  hasMore,
  isLoading,
  onMore,
  onClear,
  agents,
}: {
  isFiltered: boolean;
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
  onClear: () => void;
  agents: readonly AgentState[];
}) {
  const workflow = agents.find((one) => one.input_schema)?.name ?? "WORKFLOW";
  if (!isFiltered)
    return (
      <Empty icon={<Play size={28} />} command={`hubbub start ${workflow}`}>
        No task has been started yet.
      </Empty>
    );
  return (
    <div className="empty">
      <p>
        {hasMore
          ? "None of the tasks that were looked through is like that."
          : "No task is like that."}
      </p>
      <span className="tasks-choices">
        {hasMore && (
          <Button onPress={onMore} isDisabled={isLoading}>
            Look further back
          </Button>
        )}
        <Button onPress={onClear}>Show all</Button>
      </span>
    </div>
  );
}
