/** A text that nobody is to see: it stands in its field alone, and is gone once it is sent. */
import { Eye, EyeOff, LockKeyhole } from "lucide-react";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { Button, IconButton } from "@/kit";
import { isPlain, isTextField, takesEnter, useKeys } from "@/kit/keys";
import type { AnswerForm } from "./form";

export function SecretAnswer({
  card,
  autoFocus,
  isBusy,
  isBlocked,
  onTyping,
  onAnswer,
}: AnswerForm & { onTyping: () => void }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [isFilled, setFilled] = useState(false);
  const [isShown, setShown] = useState(false);
  const canSend = isFilled && !isBusy && !isBlocked;

  useEffect(() => {
    if (autoFocus) field.current?.focus();
  }, [autoFocus]);

  useKeys(card, (event) => {
    if (event.key === "Escape" && isTextField(event.target)) card.current?.focus();
    else if (event.key === "Enter" && isPlain(event) && !isTextField(event.target)) {
      if (!takesEnter(event.target)) field.current?.focus();
    }
  });

  const send = (event: FormEvent) => {
    event.preventDefault();
    const input = field.current;
    if (!canSend || !input) return;
    const secret = input.value;
    input.value = "";
    setFilled(false);
    setShown(false);
    onAnswer(secret);
  };

  return (
    <form className="qcard-form" onSubmit={send} autoComplete="off">
      <label className="hidden-label" htmlFor={id}>
        Your answer; it is not shown
      </label>
      <div className="qcard-secret">
        <input
          ref={field}
          id={id}
          className="input"
          type={isShown ? "text" : "password"}
          placeholder="Not shown to anybody"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          data-1p-ignore=""
          data-lpignore="true"
          readOnly={isBusy}
          onChange={(event) => {
            setFilled(event.target.value !== "");
            onTyping();
          }}
        />
        <IconButton
          label={isShown ? "Hide what is typed" : "Show what is typed"}
          onPress={() => setShown(!isShown)}
        >
          {isShown ? <EyeOff size={16} /> : <Eye size={16} />}
        </IconButton>
      </div>
      <div className="qcard-actions">
        <Button look="primary" type="submit" isDisabled={!canSend}>
          <LockKeyhole size={15} aria-hidden="true" /> Send <kbd>Enter</kbd>
        </Button>
        <span className="qcard-hint">It goes to the agent, and is shown nowhere.</span>
      </div>
    </form>
  );
}
