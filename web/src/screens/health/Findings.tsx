/** What is wrong, or worth a word, and what helps. */
import { CircleAlert, CircleCheck, Info, type LucideIcon, TriangleAlert } from "lucide-react";
import type { Health } from "@/core/protocol";
import { Badge, CopyText, Panel } from "@/kit";
import { gravest } from "./facts";

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
      <ul className="health-findings" aria-live="polite">
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
  detail: "Nothing needs you.",
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
        {remedy && <CopyText text={remedy} />}
      </div>
    </li>
  );
}
