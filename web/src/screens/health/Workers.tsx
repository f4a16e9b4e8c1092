/** Who works: the processes that serve agents, and the versions of their code. */
import { GitCompareArrows } from "lucide-react";
import type { Health } from "@/core/protocol";
import { Ago, Avatar, Badge, Empty, Panel, StatusDot } from "@/kit";
import { mixed } from "./facts";

export function Workers({ workers }: { workers: Health["workers"] }) {
  const differing = mixed(workers);
  const sorted = [...workers].sort(
    (a, b) => a.agent.localeCompare(b.agent) || a.instance.localeCompare(b.instance),
  );
  return (
    <Panel title="Workers" actions={<span className="count">{workers.length}</span>}>
      {sorted.length === 0 ? (
        <Empty command="hubbub up agents.py:everybody">Nobody works.</Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard, too
        <div className="health-table scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Agent</th>
                <th scope="col">Status</th>
                <th scope="col">Instance</th>
                <th scope="col">Host</th>
                <th scope="col">Version</th>
                <th scope="col" className="right">
                  Running
                </th>
                <th scope="col" className="right">
                  Queued
                </th>
                <th scope="col" className="right">
                  Seen
                </th>
              </tr>
            </thead>
            <tbody>
              {sorted.map((one) => (
                <tr key={`${one.agent} ${one.instance}`}>
                  <th scope="row">
                    <span className="health-agent">
                      <Avatar name={one.agent} size={20} /> {one.agent}
                    </span>
                  </th>
                  <td>
                    <span className="health-agent">
                      <StatusDot online={one.status !== "offline"} busy={one.status === "busy"} />{" "}
                      {one.status}
                    </span>
                  </td>
                  <td className="mono">{one.instance}</td>
                  <td className="mono">{one.host}</td>
                  <td>
                    {one.version || <span className="muted">–</span>}{" "}
                    {differing.has(one.agent) && (
                      <Badge tone="warn">
                        <GitCompareArrows size={11} aria-hidden="true" /> mixed
                      </Badge>
                    )}
                  </td>
                  <td className="right num">{one.running}</td>
                  <td className="right num">{one.queued}</td>
                  <td className="right">
                    <Ago at={one.last_seen} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
