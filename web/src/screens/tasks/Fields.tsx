/** One control for each field of a start form. */
import { useId, useState } from "react";
import { Checkbox, CheckboxGroup, Input, Label, TextArea, TextField } from "react-aria-components";
import type { Field } from "./fields";
import type { Raw } from "./raws";
import { whenEmpty } from "./reading";

interface ControlProps {
  field: Field;
  value: Raw;
  problem: string | undefined;
  autoFocus: boolean;
  onChange: (value: Raw) => void;
}

export function FieldControl(props: ControlProps) {
  const { field } = props;
  switch (field.kind) {
    case "boolean":
      return <Switch {...props} />;
    case "choices":
      return <Several {...props} />;
    case "choice":
      return <Choice {...props} />;
    default:
      return <Typed {...props} />;
  }
}

const TYPES: { readonly [kind: string]: string } = {
  secret: "password",
  date: "date",
  time: "time",
  "date-time": "datetime-local",
};

/** The browser draws these, and leaves out what would stand in an empty one. */
const TIMES: ReadonlySet<string> = new Set(["date", "time", "date-time"]);

function Typed({ field, value, problem, autoFocus, onChange }: ControlProps) {
  // One line would swallow the breaks of a text that has some from before.
  const [hasLines] = useState(typeof value === "string" && value.includes("\n"));
  const isText = field.kind === "long" || (field.kind === "text" && hasLines);
  const isLong = isText || field.kind === "lines" || field.kind === "json";
  const isNumber = field.kind === "integer" || field.kind === "number";
  const rows = isText ? 4 : Math.min(10, Math.max(3, lines(value), lines(field.example)));
  const { format } = field.schema;
  const type =
    TYPES[field.kind] ?? (format === "email" ? "email" : format === "uri" ? "url" : "text");
  return (
    <TextField
      className="field"
      name={field.name}
      value={typeof value === "string" ? value : ""}
      onChange={onChange}
      isInvalid={problem !== undefined}
      validationBehavior="aria"
      isRequired={field.isRequired}
      autoFocus={autoFocus}
      type={type as "text"}
      inputMode={
        isNumber
          ? field.kind === "integer"
            ? "numeric"
            : "decimal"
          : type === "email" || type === "url"
            ? type
            : "text"
      }
      autoComplete={field.kind === "secret" ? "new-password" : "off"}
    >
      <Title field={field} />
      {isLong ? (
        <TextArea
          className={isText ? "input" : "input mono"}
          rows={rows}
          spellCheck={isText}
          placeholder={whenEmpty(field) || field.example}
        />
      ) : (
        <Input className={isNumber ? "input num" : "input"} placeholder={whenEmpty(field)} />
      )}
      <Hint field={field} problem={problem} isEmpty={value === "" && TIMES.has(field.kind)} />
    </TextField>
  );
}

/** The browser's own list: it is at home on every device, and takes a letter to choose. */
function Choice({ field, value, problem, autoFocus, onChange }: ControlProps) {
  const id = useId();
  const mayBeNone = field.isNullable || !field.isRequired || value === "";
  return (
    <div className="field">
      <label htmlFor={id}>
        <TitleText field={field} />
      </label>
      <select
        id={id}
        name={field.name}
        className="input"
        value={String(value)}
        // biome-ignore lint/a11y/noAutofocus: the first field of a form that was asked for
        autoFocus={autoFocus}
        required={field.isRequired}
        data-invalid={problem ? true : undefined}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
      >
        {mayBeNone && (
          <option value="">{field.isRequired ? "choose" : whenEmpty(field) || "–"}</option>
        )}
        {field.options.map((one) => (
          <option key={one.id} value={one.id}>
            {one.id}
          </option>
        ))}
      </select>
      <div id={`${id}-hint`} className="start-hint">
        <Hint field={field} problem={problem} />
      </div>
    </div>
  );
}

function Several({ field, value, problem, onChange }: ControlProps) {
  const chosen = Array.isArray(value) ? [...(value as readonly string[])] : [];
  return (
    <CheckboxGroup
      className="field"
      name={field.name}
      value={chosen}
      onChange={onChange}
      isInvalid={problem !== undefined}
      validationBehavior="aria"
    >
      <Title field={field} />
      <div className="start-options">
        {field.options.map((one) => (
          <Checkbox key={one.id} value={one.id} className="start-check">
            <span className="start-box" aria-hidden="true" />
            {one.id}
          </Checkbox>
        ))}
      </div>
      <Hint field={field} problem={problem} />
    </CheckboxGroup>
  );
}

function Switch({ field, value, problem, autoFocus, onChange }: ControlProps) {
  return (
    <div className="field">
      <Checkbox
        className="start-check"
        name={field.name}
        isSelected={value === true}
        onChange={onChange}
        autoFocus={autoFocus}
      >
        <span className="start-box" aria-hidden="true" />
        <TitleText field={field} />
      </Checkbox>
      <Hint field={field} problem={problem} />
    </div>
  );
}

function Title({ field }: { field: Field }) {
  return (
    <Label className="field-label">
      <TitleText field={field} />
    </Label>
  );
}

function TitleText({ field }: { field: Field }) {
  const isOptional = !field.isRequired && field.kind !== "boolean";
  return (
    <>
      {field.title}
      {isOptional && <span className="start-optional"> optional</span>}
    </>
  );
}

function Hint({
  field,
  problem,
  isEmpty = false,
}: {
  field: Field;
  problem: string | undefined;
  isEmpty?: boolean;
}) {
  const left = isEmpty ? whenEmpty(field) : "";
  const said = [field.description, field.limits, left].filter(Boolean).join(" · ");
  return (
    <>
      {problem && (
        <span className="field-error" role="alert">
          {problem}
        </span>
      )}
      {said && <small>{said}</small>}
      {field.kind === "secret" && <small>It is stored with the task.</small>}
    </>
  );
}

const lines = (value: Raw): number => (typeof value === "string" ? value.split("\n").length : 1);
