/** A text, written freely or begun from a suggestion. */
import { CornerDownLeft } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import { Button } from "@/kit";
import { digitOf, isPlain, isTextField, takesEnter, useKeys } from "@/kit/keys";
import type { AnswerForm } from "./form";

export function TextAnswer({
  card,
  question,
  autoFocus,
  isBusy,
  isBlocked,
  draft,
  onDraft,
  onAnswer,
}: AnswerForm) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const chips = useRef<HTMLDivElement>(null);
  /** The key that took a suggestion, until it is clear that no number was being written. */
  const taken = useRef("");
  const suggestions = question.suggestions ?? [];
  const canSend = draft.trim() !== "" && !isBusy && !isBlocked;
  const send = () => canSend && onAnswer(draft);

  useEffect(() => {
    if (autoFocus) field.current?.focus();
  }, [autoFocus]);

  const take = (text: string) => {
    onDraft(text);
    field.current?.focus();
  };
  const takeNumbered = (event: { preventDefault(): void; key: string }, ix: number): boolean => {
    const suggestion = suggestions[ix];
    if (suggestion === undefined) return false;
    event.preventDefault();
    taken.current = event.key;
    take(suggestion);
    return true;
  };
  const moveTo = (ix: number) =>
    chips.current?.querySelectorAll<HTMLElement>("button")[ix]?.focus();

  useKeys(card, (event) => {
    if (isTextField(event.target)) return;
    const chip = [...(chips.current?.querySelectorAll("button") ?? [])].indexOf(
      event.target as HTMLButtonElement,
    );
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (chip >= 0 && step) {
      event.preventDefault();
      if (chip + step < 0) field.current?.focus();
      else moveTo(Math.min(chip + step, suggestions.length - 1));
    } else if (digitOf(event) >= 0) takeNumbered(event, digitOf(event));
    else if (event.key === "Enter" && isPlain(event) && !takesEnter(event.target)) {
      event.preventDefault();
      if (draft) send();
      else field.current?.focus();
    }
  });

  const onKey = (event: KeyboardEvent) => {
    const native = event.nativeEvent;
    const number = taken.current;
    taken.current = "";
    if (native.isComposing) return;
    if (number && /^[\d.,:/-]$/.test(event.key) && isPlain(native)) {
      event.preventDefault();
      onDraft(number + event.key);
    } else if (draft === "" && takeNumbered(event, digitOf(native))) {
      return;
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowDown" && draft === "" && suggestions.length > 0) {
      event.preventDefault();
      moveTo(0);
    } else if (event.key === "Escape") {
      card.current?.focus();
    }
  };

  return (
    <div className="qcard-form">
      <label className="hidden-label" htmlFor={id}>
        Your answer
      </label>
      <textarea
        ref={field}
        id={id}
        className="input qcard-text"
        rows={1}
        placeholder="Your answer"
        value={draft}
        readOnly={isBusy}
        onChange={(event) => onDraft(event.target.value)}
        onKeyDown={onKey}
      />
      {suggestions.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset would be one of the form
        <div ref={chips} className="qcard-chips" role="group" aria-label="Suggestions">
          {suggestions.map((text, ix) => (
            <Button key={text} className="qcard-chip" onPress={() => take(text)}>
              {ix < 9 && <kbd>{ix + 1}</kbd>}
              <span className="truncate">{text}</span>
            </Button>
          ))}
        </div>
      )}
      <div className="qcard-actions">
        <Button look="primary" isDisabled={!canSend} onPress={send}>
          <CornerDownLeft size={15} aria-hidden="true" /> Send <kbd>Enter</kbd>
        </Button>
        <span className="qcard-hint">
          <kbd>Shift</kbd> <kbd>Enter</kbd> for a new line
        </span>
      </div>
    </div>
  );
}
