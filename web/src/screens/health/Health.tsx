/** How the mesh is: what is wrong and what helps, the server, the streams, and who works. */
import { Lock } from "lucide-react";
import type { ReactNode } from "react";
import { useLoad, useMesh, useNow } from "@/app/hooks";
import { api } from "@/core/api";
import type { Health as Facts } from "@/core/protocol";
import { bytes, compact, duration } from "@/core/text";
import { Empty, Failure, Panel, Skeleton } from "@/kit";
import { Findings } from "./Findings";
import { Streams } from "./Streams";
import { Workers } from "./Workers";
import "./health.css";

const EVERY_MS = 5_000;

export function Health() {
  const mesh = useMesh();
  // The clock stands still while the page is hidden.
  const { data, problem, reload } = useLoad(api.health, [useNow(EVERY_MS)]);
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
  const kept = Object.entries(server.jetstream ?? {});
  return (
    <Panel title="NATS server">
      <FactList
        facts={[
          ["State", connected ? "connected" : "away"],
          ["Name", <Short key="name" text={name} />],
          ["Version", version],
          ["Address", <code key="url">{url}</code>],
          ["Cluster", cluster],
          ...kept.map(([fact, value]): Fact => [named(fact), written(fact, value)]),
        ]}
      />
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

/** Names that servers give themselves are long, and say little. */
function Short({ text }: { text: string }) {
  return (
    <span className="health-short truncate" title={text}>
      {text}
    </span>
  );
}

const named = (fact: string): string => {
  const words = fact.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

function written(fact: string, value: number): string {
  if (value < 0) return "unlimited";
  return /memory|storage|store|bytes/.test(fact) ? bytes(value) : compact(value);
}
