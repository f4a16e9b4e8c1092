/** One dead letter: why it died, what it says, and what can be done with it. */
import { Pencil, RotateCcw, Scissors, Trash2 } from "lucide-react";
import { memo, useState } from "react";
import { Link, useLocation } from "wouter";
import { paths } from "@/app/places";
import { toast } from "@/app/toasts";
import { api } from "@/core/api";
import { asProblem, type Problem } from "@/core/problem";
import type { DeadLetter, Json } from "@/core/protocol";
import { Ago, Avatar, Badge, Button, Failure, JsonView, Name } from "@/kit";
import { EditRetry } from "./EditRetry";
import { attemptsOf, headersOf, payloadOf } from "./letters";
import { useAgentName } from "./useAgentName";

export function LetterDetail({
  letter,
  onDiscard,
  onRetried,
}: {
  letter: DeadLetter;
  onDiscard: () => void;
  onRetried: () => void;
}) {
  const [, go] = useLocation();
  const name = useAgentName(letter.agent);
  const [isEditing, setEditing] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const retry = async (change: { content?: Json; agent?: string } = {}) => {
    setBusy(true);
    setProblem(null);
    try {
      const { task_id: task } = await api.retryLetter(letter.id, change);
      toast(
        "It is tried again.",
        task ? { action: { name: "Open the task", run: () => go(paths.task(task)) } } : {},
      );
      onRetried();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <article className="dead-letter" aria-label={`Dead letter of ${name}`}>
      <header>
        <Avatar name={name} size={32} />
        <div className="dead-letter-who">
          <Name name={name} />
          <span className="muted">
            <Ago at={letter.at} /> ago
          </span>
        </div>
        <Badge tone={letter.kind === "notice" ? "completion" : "handoff"}>{letter.kind}</Badge>
        {letter.kind === "task" && <Link href={paths.task(letter.task_id)}>Its task</Link>}
      </header>
      <p className="dead-reason">{letter.reason}</p>
      {!isEditing && (
        <div className="dead-actions">
          <Button look="primary" isDisabled={isBusy || letter.truncated} onPress={() => retry()}>
            <RotateCcw size={15} aria-hidden="true" /> Retry
          </Button>
          <Button isDisabled={isBusy} onPress={() => setEditing(true)}>
            <Pencil size={14} aria-hidden="true" /> Edit and retry
          </Button>
          <Button look="danger" isDisabled={isBusy} onPress={onDiscard}>
            <Trash2 size={15} aria-hidden="true" /> Discard
          </Button>
        </div>
      )}
      {isEditing && (
        <EditRetry
          letter={letter}
          isBusy={isBusy}
          onBack={() => setEditing(false)}
          onRetry={retry}
        />
      )}
      {problem && <Failure problem={problem} />}
      {letter.truncated && (
        <p className="dead-cut">
          <Scissors size={15} aria-hidden="true" /> It was too large to be kept whole. It can be
          retried with another content.
        </p>
      )}
      {letter.errors.length > 0 && (
        <section>
          <h3>
            {letter.errors.length === 1 ? "Its attempt" : `Its ${letter.errors.length} attempts`}
          </h3>
          <ol className="dead-errors">
            {attemptsOf(letter.errors).map(({ first, last, error }) => (
              <li key={first}>
                <b className="num">{first === last ? first : `${first}–${last}`}</b> {error}
              </li>
            ))}
          </ol>
        </section>
      )}
      <Payload letter={letter} />
      <Headers headers={headersOf(letter)} />
      <p className="muted dead-id">
        Id <code>{letter.id}</code>
      </p>
    </article>
  );
}

/** It may be as large as a megabyte: it is read and written out once. */
const Payload = memo(function Payload({ letter }: { letter: DeadLetter }) {
  const payload = payloadOf(letter);
  return (
    <section>
      <h3>Payload</h3>
      {payload === undefined ? (
        <pre className="json">{letter.payload || "It is empty."}</pre>
      ) : (
        <JsonView value={payload} />
      )}
    </section>
  );
});

function Headers({ headers }: { headers: readonly [string, string][] }) {
  if (headers.length === 0) return null;
  return (
    <section>
      <h3>Headers</h3>
      <dl className="dead-headers">
        {headers.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
