/** Leave to use a tool: as it was asked for, with other arguments, or not. */
import { Check, Pencil, X } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import type { Json } from "@/core/protocol";
import { Button } from "@/kit";
import { isPlain, isTextField, useKeys } from "@/kit/keys";
import { ArgumentList } from "./ArgumentList";
import type { Arguments } from "./arguments";
import { EditArguments } from "./EditArguments";
import { type AnswerForm, isSettled } from "./form";

export function ApprovalAnswer({
  card,
  question,
  autoFocus,
  isBusy,
  isBlocked,
  draft,
  onDraft,
  onAnswer,
}: AnswerForm) {
  const [mode, setMode] = useState<"view" | "edit" | "reject">("view");
  const args = (question.arguments ?? {}) as Arguments;
  const hasArguments = Object.keys(args).length > 0;
  const canSend = !isBusy && !isBlocked;

  useEffect(() => {
    if (autoFocus) card.current?.focus();
  }, [autoFocus, card]);

  const enter = (next: "view" | "edit" | "reject") => {
    setMode(next);
    onDraft("");
    if (next === "view") card.current?.focus();
  };
  const approve = () => canSend && onAnswer({ decision: "approve" });

  useKeys(card, (event) => {
    if (event.key === "Escape" && mode !== "view") {
      event.preventDefault();
      enter("view");
      return;
    }
    if (mode !== "view" || isTextField(event.target) || !isPlain(event) || event.shiftKey) return;
    const act = {
      a: () => isSettled() && approve(),
      e: () => hasArguments && !isBusy && enter("edit"),
      r: () => !isBusy && enter("reject"),
    }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });

  if (mode === "edit")
    return (
      <EditArguments
        args={args}
        isBusy={isBusy}
        isBlocked={isBlocked}
        onDraft={onDraft}
        onBack={() => enter("view")}
        onApprove={(edited) =>
          onAnswer(
            edited === null
              ? { decision: "approve" }
              : { decision: "approve", arguments: edited as { [name: string]: Json } },
          )
        }
      />
    );
  if (mode === "reject")
    return (
      <>
        <ArgumentList args={args} />
        <Reject
          comment={draft}
          onComment={onDraft}
          canSend={canSend}
          onBack={() => enter("view")}
          onReject={() => onAnswer({ decision: "reject", comment: draft.trim() })}
        />
      </>
    );
  return (
    <div className="qcard-form">
      <ArgumentList args={args} />
      <div className="qcard-actions">
        <Button look="primary" isDisabled={!canSend} onPress={approve}>
          <Check size={15} aria-hidden="true" /> Approve <kbd>A</kbd>
        </Button>
        {hasArguments && (
          <Button isDisabled={isBusy} onPress={() => enter("edit")}>
            <Pencil size={14} aria-hidden="true" /> Edit <kbd>E</kbd>
          </Button>
        )}
        <Button look="danger" isDisabled={isBusy} onPress={() => enter("reject")}>
          <X size={15} aria-hidden="true" /> Reject <kbd>R</kbd>
        </Button>
      </div>
    </div>
  );
}

function Reject({
  comment,
  onComment,
  canSend,
  onBack,
  onReject,
}: {
  comment: string;
  onComment: (comment: string) => void;
  canSend: boolean;
  onBack: () => void;
  onReject: () => void;
}) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <div className="qcard-form">
      <div className="field">
        <label htmlFor={id}>Why not? The agent is told; you may leave it empty.</label>
        <textarea
          ref={field}
          id={id}
          className="input qcard-text"
          rows={1}
          value={comment}
          onChange={(event) => onComment(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            if (canSend) onReject();
          }}
        />
      </div>
      <div className="qcard-actions">
        <Button look="danger" isDisabled={!canSend} onPress={onReject}>
          <X size={15} aria-hidden="true" /> Reject <kbd>Enter</kbd>
        </Button>
        <Button look="quiet" onPress={onBack}>
          Back <kbd>Esc</kbd>
        </Button>
      </div>
    </div>
  );
}
