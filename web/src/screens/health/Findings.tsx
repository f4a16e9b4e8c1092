/** What is wrong, or worth a word, and what helps. */
import { CircleAlert, CircleCheck, Info, type LucideIcon, TriangleAlert } from "lucide-react";
import type { Health } from "@/core/api";
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
  const shown = gravest(findings);
  if (shown.length === 0)
    shown.push(
      isConnected
        ? { level: "ok", title: "All is well", detail: "Nothing needs you.", remedy: "" }
        : {
            level: "error",
            title: "The NATS server is away",
            detail: "The gateway tries to reach it; what is shown below may be old.",
            remedy: "",
          },
    );
  return (
    <Panel title="Findings">
      <ul className="health-findings" aria-live="polite">
        {shown.map((one) => (
          <OneFinding key={`${one.level} ${one.title} ${one.detail}`} finding={one} />
        ))}
      </ul>
    </Panel>
  );
}

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
