/** One conversation: how it was handed on, and what was said. */

import { useMemo } from "react";
import { Link } from "wouter";
import { useLoad, useMesh, useNow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { api } from "@/core/api";
import { markOfMessage, PEOPLE } from "@/core/mesh/marks";
import { type Message, ofStored } from "@/core/mesh/message";
import { type Link as ChainLink, chain } from "@/core/swimlane";
import { brief, clock, duration } from "@/core/text";
import { Badge, Failure, Name, Skeleton } from "@/kit";

export function Trace({ trace }: { trace: string }) {
  const mesh = useMesh();
  const turn = useNow(2_000);
  const { messages: live } = useSlice(mesh.feed.slice);
  const stored = useLoad((signal) => api.messages({ context: trace, limit: 200 }, signal), [trace]);
  const said = useMemo(
    () => merge(stored.data?.messages.map(ofStored) ?? [], live, trace),
    [stored.data, live, trace],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: marks are looked at every two seconds
  const links = useMemo(() => {
    const marks = mesh.marks.all.filter((mark) => mark.trace === trace);
    const known = new Set(marks.map((mark) => mark.id));
    const older = said.map(markOfMessage).filter((mark) => !known.has(mark.id));
    return chain([...older, ...marks]);
  }, [mesh, said, trace, turn]);
  if (stored.problem && said.length === 0)
    return <Failure problem={stored.problem} onRetry={stored.reload} />;
  if (stored.isLoading && said.length === 0) return <Skeleton lines={6} />;
  const task = said.find((one) => one.taskId)?.taskId;
  return (
    <div className="scroll trace">
      <p className="trace-links">
        <Link href={paths.conversation(trace)}>Read it</Link>
        {task && <Link href={paths.task(task)}>Open the task</Link>}
      </p>
      <ol className="chain">
        {links.map((link) => (
          <Step key={link.mark.id} link={link} />
        ))}
      </ol>
      <ol className="trace-said">
        {said.map((one) => (
          <li key={one.key}>
            <time className="num muted">{clock(one.at)}</time>
            <Badge tone={one.failed ? "bad" : one.kind}>{one.kind}</Badge>
            <span>
              <Name name={one.user || one.from} />{" "}
              <span className="muted">→ {one.to || "everybody"}</span>
              <span className="trace-text">{brief(one.text, 200)}</span>
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** One link of the chain: how long the work waited, and how long it was worked on. */
function Step({ link }: { link: ChainLink }) {
  const mesh = useMesh();
  const name = (id: string) => (id === PEOPLE ? "People" : (mesh.agents.get(id)?.name ?? id));
  return (
    <li>
      <b>
        {name(link.from)} → {name(link.to)}
      </b>
      <span className="muted num">{clock(link.at)}</span>
      <span className="chain-times num">
        <span>waited {link.waiting === null ? "–" : duration(link.waiting)}</span>
        <span>
          worked{" "}
          {link.working === null ? (link.done === null ? "still" : "–") : duration(link.working)}
        </span>
      </span>
    </li>
  );
}

function merge(stored: (Message | null)[], live: readonly Message[], trace: string): Message[] {
  const found = new Map<string, Message>();
  // What was read of another conversation stays until this one is read.
  for (const one of [...stored, ...live]) if (one?.context === trace) found.set(one.key, one);
  return [...found.values()].sort((a, b) => a.at - b.at);
}
