/** The tasks that are listed: a table, or cards where there is no room for one. */
import { Clock, User, WifiOff } from "lucide-react";
import { useEffect, useState } from "react";
import {
  Cell,
  Collection,
  Column,
  GridList,
  GridListItem,
  GridListLoadMoreItem,
  ListLayout,
  Row,
  Table,
  TableBody,
  TableHeader,
  TableLayout,
  TableLoadMoreItem,
  Virtualizer,
} from "react-aria-components";
import { useLocation } from "wouter";
import { paths } from "@/app/places";
import type { Task } from "@/core/protocol";
import { FINAL_STATES } from "@/core/protocol";
import { compact } from "@/core/text";
import { Ago, Avatar, Name, StateBadge } from "@/kit";
import { titleOf, tokensOf, type WaitingOn } from "./rows";

export interface Line {
  readonly id: string;
  readonly task: Task;
  readonly waits: WaitingOn | null;
}

interface ListProps {
  lines: readonly Line[];
  isNarrow: boolean;
  isLoading: boolean;
  onMore: () => void;
  onHold: (isDown: boolean) => void;
}

export function TaskList({ lines, isNarrow, isLoading, onMore, onHold }: ListProps) {
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
              <Column width={100}>State</Column>
              <Column isRowHeader width="3fr" minWidth={160}>
                What
              </Column>
              <Column width="1fr" minWidth={80}>
                Started by
              </Column>
              <Column width="2fr" minWidth={120}>
                Waiting on
              </Column>
              <Column width={68}>Age</Column>
              <Column width={92}>Tokens</Column>
              <Column width={84}>Attempts</Column>
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
        <span className="truncate">{task.owner || task.from_agent}</span>
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

const NO_TOKENS = "No model calls are on record";
const LATER_TOKENS = "Lists tell the tokens once it has ended; its own page counts along";

function Tokens({ task }: { task: Task }) {
  const tokens = tokensOf(task);
  if (tokens === 0)
    return (
      <span className="muted" title={FINAL_STATES.has(task.state) ? NO_TOKENS : LATER_TOKENS}>
        –
      </span>
    );
  return <span className="num">{compact(tokens)}</span>;
}
