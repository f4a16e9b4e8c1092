/** One of some choices, or any number of them. */
import { Check } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { Button } from "@/kit";
import { digitOf, isPlain, takesEnter, useKeys } from "@/kit/keys";
import type { AnswerForm } from "./form";
import "@/kit/tick.css";

export function ChoiceAnswer({
  card,
  question,
  autoFocus,
  isBusy,
  isBlocked,
  onDraft,
  onAnswer,
}: AnswerForm) {
  const name = useId();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const choices = question.choices ?? [];
  const isMany = question.kind === "choices";
  const [one] = chosen;
  const canSend = (isMany || one !== undefined) && !isBusy && !isBlocked;

  useEffect(() => {
    if (autoFocus) card.current?.focus();
  }, [autoFocus, card]);

  const choose = (choice: string) => {
    if (isBusy) return;
    const next = new Set(isMany ? chosen : []);
    if (isMany && chosen.has(choice)) next.delete(choice);
    else next.add(choice);
    setChosen(next);
    onDraft(choices.filter((each) => next.has(each)).join(", "));
  };
  const send = () => {
    if (!canSend) return;
    if (isMany) onAnswer(choices.filter((choice) => chosen.has(choice)));
    else if (one !== undefined) onAnswer(one);
  };

  useKeys(card, (event) => {
    const choice = choices[digitOf(event)];
    if (choice !== undefined) {
      event.preventDefault();
      choose(choice);
    } else if (event.key === "Enter" && isPlain(event) && !takesEnter(event.target)) {
      event.preventDefault();
      send();
    }
  });

  return (
    <div className="qcard-form">
      <fieldset className="qcard-options scroll">
        <legend className="hidden-label">{isMany ? "Any of these" : "One of these"}</legend>
        {choices.map((choice, ix) => (
          <label key={choice}>
            <input
              className="tick"
              type={isMany ? "checkbox" : "radio"}
              name={name}
              checked={chosen.has(choice)}
              onChange={() => choose(choice)}
            />
            <span>{choice}</span>
            {ix < 9 && <kbd>{ix + 1}</kbd>}
          </label>
        ))}
      </fieldset>
      <div className="qcard-actions">
        <Button look="primary" isDisabled={!canSend} onPress={send}>
          <Check size={15} aria-hidden="true" />
          {isMany ? sends(chosen.size) : "Send"} <kbd>Enter</kbd>
        </Button>
        <span className="qcard-hint">
          {isMany ? "Numbers tick; none is an answer, too." : "Numbers choose."}
        </span>
      </div>
    </div>
  );
}

const sends = (count: number): string => (count === 0 ? "Send none" : `Send ${count}`);
