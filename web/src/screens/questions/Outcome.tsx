/** What became of a question: who answered it, and what, and what one had written oneself. */
import { CheckCircle2, Clock3, CornerDownRight, TimerOff } from "lucide-react";
import { useMesh, useNow, useSlice } from "@/app/hooks";
import type { Answered, OpenQuestion } from "@/core/mesh/questions";
import { age } from "@/core/text";
import { CopyText } from "@/kit";
import { answerText, whatCame, whoAnswered } from "./words";

/** So long a worker usually takes; only then it is worth a word. */
const USUAL_MS = 2_500;

export function Outcome({
  asked,
  answered,
  unsent,
}: {
  asked: OpenQuestion;
  answered: Answered;
  /** What was being written here when somebody was quicker. */
  unsent: string;
}) {
  const mesh = useMesh();
  const now = useNow(1_000);
  const task = useSlice(mesh.tasks.slice).find((one) => one.id === asked.task.id);
  const came = answered.isPending ? "" : whatCame(task);
  const text = answerText(asked);
  const when = answered.at ? age(answered.at, now) : "";
  const waits = answered.isPending && now - Date.parse(answered.at) > USUAL_MS;
  return (
    <div className="qcard-outcome">
      <p>
        {answered.by ? (
          <CheckCircle2 size={16} aria-hidden="true" />
        ) : (
          <TimerOff size={16} aria-hidden="true" />
        )}
        <span>
          <b>{whoAnswered(answered, mesh.session.user)}</b>{" "}
          {when && <span className="num">{when === "now" ? "just now" : `${when} ago`}</span>}
          {text && <>: {text}</>}
          {asked.question.secret && answered.by && <>: not shown</>}
        </span>
      </p>
      {waits && (
        <p className="qcard-waits">
          <Clock3 size={15} aria-hidden="true" /> Answered, waits for a worker.
        </p>
      )}
      {came && (
        <p className="qcard-came">
          <CornerDownRight size={15} aria-hidden="true" /> <span>{came}</span>
        </p>
      )}
      {unsent && (
        <div className="qcard-mine">
          <small>Yours was not sent:</small>
          <CopyText text={unsent} />
        </div>
      )}
    </div>
  );
}
