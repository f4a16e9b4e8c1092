/** What a tool is to be called with, to be read. */
import type { Json } from "@/core/protocol";
import { JsonView } from "@/kit";
import type { Arguments } from "./arguments";

export function ArgumentList({ args }: { args: Arguments }) {
  const entries = Object.entries(args);
  if (entries.length === 0) return <p className="muted">It takes no arguments.</p>;
  return (
    <dl className="qcard-args">
      {entries.map(([name, value]) => (
        <div key={name} className={isWide(value) ? "wide" : ""}>
          <dt>{name}</dt>
          <dd>
            <Value value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ value }: { value: Json }) {
  if (value === "") return <span className="muted">empty</span>;
  if (value === null) return <span className="muted">none</span>;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object") return <JsonView value={value} />;
  return <span className={typeof value === "number" ? "num" : ""}>{String(value)}</span>;
}

const isWide = (value: Json): boolean =>
  typeof value === "string"
    ? value.length > 60 || value.includes("\n")
    : typeof value === "object" && value !== null;
