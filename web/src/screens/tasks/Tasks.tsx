/** All tasks, the one that changed last first. */
import { ArrowUp, ChevronDown, Clock, Play, Search, User, WifiOff } from "lucide-react";
import { useEffect, useState } from "react";
import {
  Cell,
  Collection,
  Column,
  GridList,
  GridListItem,
  GridListLoadMoreItem,
  Input,
  ListLayout,
  Menu,
  MenuItem,
  MenuTrigger,
  Popover,
  Row,
  SearchField,
  Table,
  TableBody,
  TableHeader,
  TableLayout,
  TableLoadMoreItem,
  Virtualizer,
} from "react-aria-components";
import { useLocation, useSearchParams } from "wouter";
import { useMesh, useNarrow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import type { AgentState } from "@/core/mesh/agents";
import type { Task } from "@/core/protocol";
import { agentToken, compact } from "@/core/text";
import { Ago, Avatar, Button, Empty, Failure, Name, Segmented, Skeleton, StateBadge } from "@/kit";
import {
  costOf,
  dollars,
  type Filters,
  filtersOf,
  held,
  listed,
  searchOf,
  titleOf,
  tokensOf,
  VIEW_NAMES,
  VIEWS,
  type WaitingOn,
  waitingOn,
} from "./rows";
import { usePages } from "./usePages";
import "./tasks.css";

interface Line {
  readonly id: string;
  readonly task: Task;
  readonly waits: WaitingOn | null;
}

export function Tasks() {
  const mesh = useMesh();
  const narrow = useNarrow();
  const [search, setSearch] = useSearchParams();
  const filters = filtersOf(search);
  const agents = useSlice(mesh.agents.slice);
  const live = useSlice(mesh.tasks.slice);
  const pages = usePages(filters.view, filters.agent);
  const [order, setOrder] = useState<readonly string[] | null>(null);
  const all = listed(pages.tasks, live, filters, mesh.session.user ?? "");
  const shown = order ? held(all, order) : all;
  const fresh = all.length - shown.length;
  const change = (next: Partial<Filters>) => {
    setOrder(null);
    setSearch(searchOf({ ...filters, ...next }), { replace: true });
  };
  const byToken = new Map(agents.map((one) => [one.token, one]));
  const lines = shown.map((task) => ({
    id: task.id,
    task,
    waits: waitingOn(task, byToken.get(agentToken(task.agent))),
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
          <List
            lines={lines}
            isNarrow={narrow}
            isLoading={pages.isLoading}
            onMore={pages.readMore}
            onHold={(isDown) =>
              setOrder((before) => (isDown ? (before ?? all.map((task) => task.id)) : null))
            }
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
  const workflows = agents.filter((one) => one.input_schema);
  const others = agents.filter((one) => !one.input_schema);
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

interface ListProps {
  lines: readonly Line[];
  isNarrow: boolean;
  isLoading: boolean;
  onMore: () => void;
  onHold: (isDown: boolean) => void;
}

function List({ lines, isNarrow, isLoading, onMore, onHold }: ListProps) {
  const [, go] = useLocation();
  const [body, setBody] = useState<HTMLDivElement | null>(null);
  useEffect(() => {
    // Scrolling is not told of by the table itself, and does not bubble.
    const onScroll = (event: Event) => {
      if (event.target instanceof HTMLElement) onHold(event.target.scrollTop > 24);
    };
    body?.addEventListener("scroll", onScroll, true);
    return () => body?.removeEventListener("scroll", onScroll, true);
  });
  const open = (id: unknown) => go(paths.task(String(id)));
  return (
    <div ref={setBody} className="tasks-body">
      {isNarrow ? (
        <Virtualizer layout={ListLayout} layoutOptions={{ rowSize: 92, gap: 8, padding: 12 }}>
          <GridList aria-label="Tasks" className="tasks-cards scroll" onAction={open}>
            <Collection items={lines}>{(line) => <Card line={line} />}</Collection>
            <GridListLoadMoreItem isLoading={isLoading} onLoadMore={onMore} className="tasks-more">
              Loading …
            </GridListLoadMoreItem>
          </GridList>
        </Virtualizer>
      ) : (
        <Virtualizer layout={TableLayout} layoutOptions={{ rowHeight: 40, headingHeight: 34 }}>
          <Table aria-label="Tasks" className="tasks-table scroll" onRowAction={open}>
            <TableHeader>
              <Column width={104}>State</Column>
              <Column isRowHeader width="3fr" minWidth={200}>
                What
              </Column>
              <Column width="1fr" minWidth={90}>
                Started by
              </Column>
              <Column width="2fr" minWidth={140}>
                Waiting on
              </Column>
              <Column width={72}>Age</Column>
              <Column width={110}>Tokens</Column>
              <Column width={88}>Attempts</Column>
            </TableHeader>
            <TableBody>
              <Collection items={lines}>{(line) => <TableRow line={line} />}</Collection>
              <TableLoadMoreItem isLoading={isLoading} onLoadMore={onMore} className="tasks-more">
                Loading …
              </TableLoadMoreItem>
            </TableBody>
          </Table>
        </Virtualizer>
      )}
    </div>
  );
}

function TableRow({ line: { task, waits } }: { line: Line }) {
  const title = titleOf(task);
  return (
    <Row id={task.id} textValue={`${task.agent} ${title}`} className="tasks-row">
      <Cell>
        <StateBadge state={task.state} />
      </Cell>
      <Cell>
        <span className="tasks-what">
          <Avatar name={task.agent} size={20} />
          <Name name={task.agent} />
          <span className="truncate tasks-title">{title}</span>
        </span>
      </Cell>
      <Cell>
        <span className="truncate">{task.owner || <span className="muted">–</span>}</span>
      </Cell>
      <Cell>
        <Waits waits={waits} error={task.state === "failed" ? (task.error ?? "") : ""} />
      </Cell>
      <Cell>
        <Ago at={task.created_at} />
      </Cell>
      <Cell>
        <Tokens task={task} />
      </Cell>
      <Cell>
        <span className={(task.attempt ?? 0) > 1 ? "num tasks-again" : "num"}>
          {task.attempt || "–"}
        </span>
      </Cell>
    </Row>
  );
}

function Card({ line: { task, waits } }: { line: Line }) {
  const title = titleOf(task);
  return (
    <GridListItem id={task.id} textValue={`${task.agent} ${title}`} className="tasks-card">
      <span className="tasks-card-head">
        <Avatar name={task.agent} size={20} />
        <Name name={task.agent} />
        <StateBadge state={task.state} />
      </span>
      <span className="truncate tasks-title">{title || "No text"}</span>
      <span className="tasks-card-foot muted">
        <Ago at={task.created_at} />
        {task.owner && <span className="truncate">{task.owner}</span>}
        <Waits waits={waits} error={task.state === "failed" ? (task.error ?? "") : ""} />
      </span>
    </GridListItem>
  );
}

const WAIT_ICONS = { person: User, worker: Clock, nobody: WifiOff, retry: Clock, rest: Clock };

function Waits({ waits, error }: { waits: WaitingOn | null; error: string }) {
  if (error) return <span className="tasks-error truncate">{error}</span>;
  if (!waits) return null;
  const Icon = WAIT_ICONS[waits.who];
  return (
    <span className={`tasks-waits ${waits.who}`} title={waits.text}>
      <Icon size={13} aria-hidden="true" />
      <span className="truncate">{waits.text}</span>
    </span>
  );
}

function Tokens({ task }: { task: Task }) {
  const tokens = tokensOf(task);
  const cost = costOf(task);
  if (tokens === 0) return <span className="muted">–</span>;
  return (
    <span className="num">
      {compact(tokens)}
      {cost !== null && <span className="muted"> {dollars(cost)}</span>}
    </span>
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
