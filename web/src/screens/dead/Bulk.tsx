/** What can be done with many at once, how far it is, and what of it failed. */
import { RotateCcw, Trash2, X } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { paths } from "@/app/places";
import { toast } from "@/app/toasts";
import { api } from "@/core/api";
import type { DeadLetter } from "@/core/protocol";
import { brief } from "@/core/text";
import { Button, IconButton } from "@/kit";
import { forEach, type Progress } from "./bulk";
import { Tick } from "./LetterList";
import { subjectOf } from "./letters";

export function Bulk({
  shown,
  picked,
  onPick,
  onDiscard,
  onDone,
}: {
  shown: readonly DeadLetter[];
  picked: readonly DeadLetter[];
  onPick: (all: boolean) => void;
  onDiscard: (letters: readonly DeadLetter[]) => void;
  /** Those that are tried again, by their ids. */
  onDone: (ids: readonly string[]) => void;
}) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const isBusy = progress !== null && progress.done < progress.total;
  const retry = async (letters: readonly DeadLetter[]) => {
    const { total, failures } = await forEach(
      letters,
      ({ id }) => api.retryLetter(id),
      setProgress,
    );
    const done = total - failures.length;
    if (done > 0) toast(`${done} ${done === 1 ? "is" : "are"} tried again.`);
    if (failures.length === 0) setProgress(null);
    onPick(false);
    const failed = new Set(failures.map(({ letter }) => letter.id));
    onDone(letters.map(({ id }) => id).filter((id) => !failed.has(id)));
  };
  return (
    <div className="dead-bulk">
      <div className="dead-bulk-bar">
        <Tick
          label="Pick all that are shown"
          isPicked={picked.length === shown.length}
          isSome={picked.length > 0 && picked.length < shown.length}
          onPick={onPick}
        />
        <span className="num">
          {picked.length > 0 ? `${picked.length} picked` : `All ${shown.length} shown`}
        </span>
        {picked.length > 0 && (
          <>
            <Button isDisabled={isBusy} onPress={() => retry(picked)}>
              <RotateCcw size={14} aria-hidden="true" /> Retry
            </Button>
            <Button look="danger" isDisabled={isBusy} onPress={() => onDiscard(picked)}>
              <Trash2 size={14} aria-hidden="true" /> Discard
            </Button>
          </>
        )}
      </div>
      {progress && (
        <div className="dead-progress" role="status">
          <span className="num">
            {progress.done} of {progress.total} tried again
            {progress.failures.length > 0 && `, ${progress.failures.length} failed`}
          </span>
          {isBusy ? (
            <progress value={progress.done} max={progress.total} aria-label="Tried again" />
          ) : (
            <>
              <Button onPress={() => retry(progress.failures.map(({ letter }) => letter))}>
                Try these again
              </Button>
              <IconButton label="Close" onPress={() => setProgress(null)}>
                <X size={15} />
              </IconButton>
            </>
          )}
          {progress.failures.length > 0 && (
            <ul className="scroll">
              {progress.failures.map(({ letter, problem }) => (
                <li key={letter.id}>
                  <Link href={paths.letter(letter.id)}>{brief(subjectOf(letter), 40)}</Link>:{" "}
                  {problem.message}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </div>
  );
}
