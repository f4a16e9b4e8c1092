/** What is wrong, or worth a word, and what helps. */
import {
  ArrowRight,
  CircleAlert,
  CircleCheck,
  Info,
  type LucideIcon,
  TriangleAlert,
} from "lucide-react";
import { Link } from "wouter";
import type { Health } from "@/core/protocol";
import { Badge, CopyText, Panel } from "@/kit";
import { gravest, remedyOf } from "./facts";

type Finding = Health["findings"][number];

const LEVELS: {
  readonly [level in Finding["level"]]: { icon: LucideIcon; name: string; tone: string };
} = {
  error: { icon: CircleAlert, name: "error", tone: "bad" },
  warning: { icon: TriangleAlert, name: "warning", tone: "warn" },
  info: { icon: Info, name: "note", tone: "accent" },
  ok: { icon: CircleCheck, name: "fine", tone: "ok" },
};

export function Findings({
  findings,
  isConnected,
}: {
  findings: Health["findings"];
  isConnected: boolean;
}) {
  const grave = gravest(findings).filter(({ level }) => level !== "ok");
  const fine = findings.filter(({ level }) => level === "ok");
  const isWell = !grave.some(({ level }) => level !== "info");
  const shown = !isConnected && isWell ? [AWAY, ...grave] : isWell ? [WELL, ...grave] : grave;
  return (
    <Panel title="Findings">
      {/* The figures in the findings move all the time: only how many there are is read out. */}
      <span className="hidden-label" aria-live="polite">
        {isWell ? "All is well" : `${grave.length} findings`}
      </span>
      <ul className="health-findings">
        {shown.map((one) => (
          <OneFinding key={`${one.title} ${one.detail}`} finding={one} />
        ))}
      </ul>
      {fine.length > 0 && (
        <details className="health-fine">
          <summary>{fine.length === 1 ? "One check is" : `${fine.length} checks are`} fine</summary>
          <ul className="health-findings">
            {fine.map((one) => (
              <OneFinding key={`${one.title} ${one.detail}`} finding={one} />
            ))}
          </ul>
        </details>
      )}
    </Panel>
  );
}

const WELL: Finding = {
  level: "ok",
  title: "All is well",
  detail: "Nothing is wrong.",
  remedy: "",
};
const AWAY: Finding = {
  level: "error",
  title: "The NATS server is away",
  detail: "The gateway goes on trying to reach it. What is shown below is what it knew last.",
  remedy: "",
};

function OneFinding({ finding: { level, title, detail, remedy } }: { finding: Finding }) {
  const { icon: Icon, name, tone } = LEVELS[level];
  return (
    <li className={level}>
      <Icon size={18} aria-hidden="true" />
      <div>
        <p>
          <b>{title}</b> <Badge tone={tone}>{name}</Badge>
        </p>
        {detail && <p className="health-detail">{detail}</p>}
        {remedy && <Remedy text={remedy} />}
      </div>
    </li>
  );
}

/** What helps, with its commands to be copied. */
function Remedy({ text }: { text: string }) {
  const parts = remedyOf(text);
  const last = parts.at(-1);
  // A command at the end, and no other one, stands in a box of its own.
  const isAlone = last?.isCommand && parts.filter((part) => part.isCommand).length === 1;
  return (
    <div className="health-remedy">
      <p>
        <ArrowRight size={14} aria-hidden="true" />{" "}
        <span>
          {(isAlone ? parts.slice(0, -1) : parts).map((part) =>
            part.isCommand ? <code key={part.key}>{part.text}</code> : part.text,
          )}
        </span>
      </p>
      {isAlone && <CopyText text={last.text} />}
      {parts.some((part) => part.isCommand && part.text === "hubbub dead") && (
        <Link href="/dead">Open the dead letters</Link>
      )}
    </div>
  );
}
