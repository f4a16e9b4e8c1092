/** The arguments of a tool, edited: as fields or as JSON, with what changes told before it goes. */
import { ArrowRight, Check } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { Button, Segmented } from "@/kit";
import { useKeys } from "@/kit/keys";
import {
  type Arguments,
  type Change,
  changes,
  type Field,
  fieldsOf,
  plain,
  pretty,
  type Reading,
  readFields,
  readObject,
} from "./arguments";
import "@/kit/tick.css";

const WHOLE = "";
/** What is not longer begins as one line. */
const SHORT = 60;

export function EditArguments({
  args,
  isBusy,
  isBlocked,
  onDraft,
  onBack,
  onApprove,
}: {
  args: Arguments;
  isBusy: boolean;
  isBlocked: boolean;
  onDraft: (draft: string) => void;
  onBack: () => void;
  /** Null if nothing was changed. */
  onApprove: (edited: Arguments | null) => void;
}) {
  const form = useRef<HTMLDivElement>(null);
  const [way, setWay] = useState<"fields" | "json">("fields");
  const [fields, setFields] = useState<readonly Field[]>(() => fieldsOf(args));
  const [whole, setWhole] = useState(() => pretty(args));
  const { value, problems } = way === "fields" ? readFields(fields) : readWhole(whole);
  const changed = value ? changes(args, value) : [];
  const canSend = value !== null && !isBusy && !isBlocked;
  const send = () => canSend && onApprove(changed.length > 0 ? value : null);

  useEffect(() => {
    form.current?.querySelector<HTMLElement>("input, textarea")?.focus();
  }, []);
  useKeys(form, (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    send();
  });

  const edit = (name: string, text: string) => {
    const next = fields.map((field) => (field.name === name ? { ...field, text } : field));
    setFields(next);
    onDraft(pretty(Object.fromEntries(next.map((field) => [field.name, field.text]))));
  };
  const turn = (next: "fields" | "json") => {
    if (next === way || value === null) return;
    setWay(next);
    if (next === "json") setWhole(pretty(value));
    else setFields(fieldsOf(value));
  };

  return (
    <div ref={form} className="qcard-form">
      <div className="qcard-edit-head">
        <h3>Edit before it runs</h3>
        <Segmented
          label="Edit as"
          value={way}
          onChange={turn}
          options={[
            { id: "fields", name: "Fields" },
            { id: "json", name: "JSON" },
          ]}
        />
      </div>
      {way === "fields" ? (
        <div className="qcard-fields">
          {fields.map((field) => (
            <ArgumentField
              key={field.name}
              field={field}
              problem={problems[field.name]}
              onEdit={(text) => edit(field.name, text)}
            />
          ))}
        </div>
      ) : (
        <ArgumentField
          field={{ name: "All arguments", kind: "json", text: whole }}
          problem={problems[WHOLE]}
          onEdit={(text) => {
            setWhole(text);
            onDraft(text);
          }}
        />
      )}
      {value ? (
        <Changes changes={changed} />
      ) : (
        <p className="muted">What is marked has to be put right first.</p>
      )}
      <div className="qcard-actions">
        <Button look="primary" isDisabled={!canSend} onPress={send}>
          <Check size={15} aria-hidden="true" />
          {changed.length > 0 ? "Approve with changes" : "Approve as it is"}
          <kbd>Ctrl Enter</kbd>
        </Button>
        <Button look="quiet" onPress={onBack}>
          Back <kbd>Esc</kbd>
        </Button>
      </div>
    </div>
  );
}

function ArgumentField({
  field: { name, kind, text },
  problem,
  onEdit,
}: {
  field: Field;
  problem: string | undefined;
  onEdit: (text: string) => void;
}) {
  const id = useId();
  // Decided once: a control that became another one would lose the focus in mid-word.
  const [isLong] = useState(() => kind === "json" || text.length > SHORT || text.includes("\n"));
  if (kind === "flag")
    return (
      <label className="qcard-flag">
        <input
          className="tick"
          type="checkbox"
          checked={text === "true"}
          onChange={(event) => onEdit(String(event.target.checked))}
        />
        {name}
      </label>
    );
  const shared = {
    id,
    value: text,
    "aria-invalid": problem !== undefined,
    "aria-describedby": problem ? `${id}-problem` : undefined,
    onChange: (event: { target: { value: string } }) => onEdit(event.target.value),
  };
  return (
    <div className={`field ${isLong ? "wide" : ""}`}>
      <label htmlFor={id}>{name}</label>
      {kind === "number" ? (
        <input {...shared} className="input num" inputMode="decimal" />
      ) : (
        <textarea
          {...shared}
          className={`input qcard-text ${kind === "json" ? "mono" : ""}`}
          rows={isLong ? 2 : 1}
          spellCheck={kind !== "json"}
          onKeyDown={(event) => {
            // What began as one line gets a second one only by Shift-Enter.
            if (isLong || event.key !== "Enter" || event.shiftKey) return;
            if (!event.nativeEvent.isComposing) event.preventDefault();
          }}
        />
      )}
      {problem && (
        <span id={`${id}-problem`} className="field-error">
          {problem}
        </span>
      )}
    </div>
  );
}

function Changes({ changes: changed }: { changes: readonly Change[] }) {
  if (changed.length === 0) return <p className="muted">Nothing is changed.</p>;
  return (
    <ul className="qcard-changes" aria-label="What changes">
      {changed.map(({ path, before, after }) => (
        <li key={path}>
          <b>{path}</b>
          {before === undefined ? <i>added</i> : <del>{plain(before) || "empty"}</del>}
          <ArrowRight size={13} aria-label="becomes" />
          {after === undefined ? <i>removed</i> : <ins>{plain(after) || "empty"}</ins>}
        </li>
      ))}
    </ul>
  );
}

function readWhole(text: string): Reading {
  try {
    return { value: readObject(text), problems: {} };
  } catch (error) {
    return { value: null, problems: { [WHOLE]: (error as Error).message } };
  }
}
