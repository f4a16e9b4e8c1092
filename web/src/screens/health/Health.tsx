/** How the mesh is: what is wrong and what helps, the server, the streams, and who works. */
import { Lock } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { useLoad, useMesh, useNow } from "@/app/hooks";
import { api } from "@/core/api";
import type { Health as Facts } from "@/core/protocol";
import { bytes, compact, duration } from "@/core/text";
import { CopyText, Empty, Failure, Panel, Skeleton } from "@/kit";
import { Findings } from "./Findings";
import { Streams } from "./Streams";
import { Workers } from "./Workers";
import "./health.css";

const EVERY_MS = 5_000;

export function Health() {
  const mesh = useMesh();
  const { data, problem, isLoading, reload } = useLoad(api.health, []);
  // The clock stands still while the page is hidden.
  const turn = useNow(EVERY_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the clock alone asks for it
  useEffect(() => {
    // A large mesh takes its time to look through: the answer on its way is waited for.
    if (!isLoading) reload();
  }, [turn]);
  const isRefused = !mesh.seesAll || problem?.status === 403;
  return (
    <section className="screen health" aria-label="Health">
      <header className="screen-head">
        <div className="grow">
          <h1>Health</h1>
          <p>Read anew every {EVERY_MS / 1000} seconds while you look.</p>
        </div>
      </header>
      <div className="screen-body scroll">
        {isRefused ? (
          <Empty icon={<Lock size={30} />}>
            Who is healthy here is for viewers, operators and admins. Your role is{" "}
            {mesh.session.role}.
          </Empty>
        ) : (
          <div className="health-page">
            {problem && <Failure problem={problem} onRetry={reload} />}
            {!data && !problem && <Skeleton lines={10} />}
            {data && <Whole facts={data} />}
          </div>
        )}
      </div>
    </section>
  );
}

function Whole({ facts }: { facts: Facts }) {
  return (
    <>
      <Findings findings={facts.findings} isConnected={facts.connected} />
      <div className="health-pair">
        <Server facts={facts} />
        <Panel title="Gateway">
          <FactList
            facts={[
              ["Version", facts.gateway.version],
              ["Open pages", compact(facts.gateway.pages)],
              ["Up for", duration(facts.gateway.uptime_s * 1000)],
            ]}
          />
        </Panel>
      </div>
      <Streams streams={facts.streams} />
      <Workers workers={facts.workers} />
    </>
  );
}

function Server({ facts: { server, connected } }: { facts: Facts }) {
  if (!server) return <Panel title="NATS server">{null}</Panel>;
  const { name, version, url, cluster } = server;
  const { memory, storage, streams, consumers, ...others } = server.jetstream;
  return (
    <Panel title="NATS server">
      <FactList
        facts={[
          ["State", connected ? "connected" : "away"],
          ["Version", version],
          ["Address", <code key="url">{url}</code>],
          ["Cluster", cluster],
          ["Stored on disk", storage === undefined ? "" : bytes(storage)],
          ["Stored in memory", memory === undefined ? "" : bytes(memory)],
          ["Streams", streams === undefined ? "" : compact(streams)],
          ["Readers of streams", consumers === undefined ? "" : compact(consumers)],
          ...Object.entries(others).map(([fact, value]): Fact => [fact, compact(value)]),
        ]}
      />
      <div className="health-name">
        <span className="muted">Name</span> <CopyText text={name} />
      </div>
    </Panel>
  );
}

type Fact = readonly [name: string, value: ReactNode];

function FactList({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className="health-facts">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="num">{value}</dd>
          </div>
        ))}
    </dl>
  );
}
