/** The same once more, with other words, or by somebody else. */
import { RotateCcw } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { useMesh, useSlice } from "@/app/hooks";
import type { DeadLetter, Json } from "@/core/protocol";
import { agentToken } from "@/core/text";
import { Button, Segmented } from "@/kit";
import { useKeys } from "@/kit/keys";
import { pretty, readJson } from "@/screens/questions/arguments";
import { contentOf } from "./letters";
import { useAgentName } from "./useAgentName";

export function EditRetry({
  letter,
  isBusy,
  onBack,
  onRetry,
}: {
  letter: DeadLetter;
  isBusy: boolean;
  onBack: () => void;
  onRetry: (change: { content?: Json; agent?: string }) => void;
}) {
  const id = useId();
  const mesh = useMesh();
  const agents = useSlice(mesh.agents.slice);
  const form = useRef<HTMLDivElement>(null);
  const content = letter.truncated ? "" : (contentOf(letter) ?? "");
  const [way, setWay] = useState<"text" | "json">(typeof content === "string" ? "text" : "json");
  const [text, setText] = useState(typeof content === "string" ? content : pretty(content));
  const [agent, setAgent] = useState(useAgentName(letter.agent));
  const [value, problem] = way === "text" ? [text, ""] : tried(text);
  const isEmpty = text.trim() === "";
  const canSend = value !== undefined && !isEmpty && agent.trim() !== "" && !isBusy;

  useEffect(() => form.current?.querySelector("textarea")?.focus(), []);
  const send = () => {
    if (!canSend || value === undefined) return;
    const change: { content?: Json; agent?: string } = {};
    if (JSON.stringify(value) !== JSON.stringify(content)) change.content = value;
    if (agentToken(agent.trim()) !== agentToken(letter.agent)) change.agent = agent.trim();
    onRetry(change);
  };
  useKeys(form, (event) => {
    if (event.key === "Escape") onBack();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
    else return;
    event.preventDefault();
  });

  return (
    <div ref={form} className="dead-edit">
      <div className="field">
        <label htmlFor={`${id}-agent`}>For</label>
        <input
          id={`${id}-agent`}
          className="input"
          list={`${id}-agents`}
          autoComplete="off"
          value={agent}
          onChange={(event) => setAgent(event.target.value)}
        />
        <datalist id={`${id}-agents`}>
          {agents.map(({ name, token }) => (
            <option key={token} value={name} />
          ))}
        </datalist>
      </div>
      <div className="field">
        <div className="dead-edit-head">
          <label htmlFor={`${id}-content`}>Content</label>
          <Segmented
            label="Content as"
            value={way}
            onChange={setWay}
            options={[
              { id: "text", name: "Text" },
              { id: "json", name: "JSON" },
            ]}
          />
        </div>
        <textarea
          id={`${id}-content`}
          className={`input ${way === "json" ? "mono" : ""}`}
          rows={4}
          value={text}
          spellCheck={way === "text"}
          aria-invalid={problem !== ""}
          aria-describedby={problem ? `${id}-problem` : undefined}
          onChange={(event) => setText(event.target.value)}
        />
        {problem && !isEmpty && (
          <span id={`${id}-problem`} className="field-error">
            {problem}
          </span>
        )}
      </div>
      <div className="dead-actions">
        <Button look="primary" isDisabled={!canSend} onPress={send}>
          <RotateCcw size={15} aria-hidden="true" /> Retry <kbd>Ctrl Enter</kbd>
        </Button>
        <Button look="quiet" onPress={onBack}>
          Back <kbd>Esc</kbd>
        </Button>
      </div>
    </div>
  );
}

function tried(text: string): [Json | undefined, string] {
  try {
    return [readJson(text), ""];
  } catch (error) {
    return [undefined, (error as Error).message];
  }
}
