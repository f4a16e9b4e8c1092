/** Where a person writes: to an agent, to whoever is named with `@`, or to everybody. */
import { FileText, Megaphone, Paperclip, Play, Send, X } from "lucide-react";
import {
  type ClipboardEvent,
  type DragEvent,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useId,
  useRef,
  useState,
} from "react";
import { useLocation } from "wouter";
import { useMesh, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { toast } from "@/app/toasts";
import { api } from "@/core/api";
import { type AgentState, isWorkflow } from "@/core/mesh/agents";
import { asProblem } from "@/core/problem";
import type { FileRef } from "@/core/protocol";
import { bytes } from "@/core/text";
import { Avatar, Button, IconButton, StatusDot } from "@/kit";
import { keepSent, lastSent } from "./drafts";
import {
  addressee,
  BEGIN_WITH,
  fitting,
  type Mention,
  mentionAt,
  needsNothing,
  refusalOf,
} from "./mentions";
import { type Upload, useUploads } from "./uploads";
import { useDraft } from "./useDraft";
import "./composer.css";

export interface Wanted {
  readonly text: string;
  readonly files: readonly FileRef[];
  /** Whom it is for, if that is said in the text. */
  readonly to: AgentState | null;
}

export interface ComposerProps {
  /** The address of the place: drafts are kept by it. */
  place: string;
  label: string;
  hint: string;
  /** Whether the text has to say whom it is for. */
  needsAddressee?: boolean;
  toEverybody?: boolean;
  modes?: ReactNode;
  /** What sending does, if the text names an agent. */
  noteTo?: (name: string) => string;
  onSend: (wanted: Wanted) => void;
}

export function Composer({
  place,
  label,
  hint,
  needsAddressee = false,
  toEverybody = false,
  modes,
  noteTo = (name) => `To ${name}, which sets it to work`,
  onSend,
}: ComposerProps) {
  const mesh = useMesh();
  const [, go] = useLocation();
  const agents = useSlice(mesh.agents.slice);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const me = mesh.session.user ?? "";
  const [text, setText] = useDraft(me, place);
  const [mention, setMention] = useState<Mention | null>(null);
  const [chosen, setChosen] = useState(0);
  /** Why nothing was sent, until something else is written. */
  const [refusal, setRefusal] = useState("");
  const [isOver, setOver] = useState(false);
  const uploads = useUploads();
  const listId = useId();
  // Whoever comes here wants to write; on a touch screen that would open the keyboard.
  useEffect(() => {
    if (document.activeElement === document.body && matchMedia("(pointer: fine)").matches)
      area.current?.focus();
  }, []);

  const to = addressee(text, agents);
  const among = mention ? agents.filter((one) => mention.kind === "agent" || isWorkflow(one)) : [];
  const options = mention ? fitting(mention.query, among) : [];
  const hasContent = /\S/.test(to ? to.text : text) || uploads.files.length > 0;
  const isCommand = /^\/\S*$/.test(text.trim());
  const canSend = hasContent && !uploads.isBusy && !isCommand && !(needsAddressee && !to);

  const change = (next: string, caret: number) => {
    setText(next);
    setRefusal("");
    const found = mentionAt(next, caret);
    setMention(found);
    setChosen(0);
  };
  const put = (next: string) => {
    setText(next);
    setRefusal("");
    setMention(null);
    // Once the text is there.
    requestAnimationFrame(() => area.current?.setSelectionRange(next.length, next.length));
  };
  const take = (agent: AgentState) => {
    if (!mention) return;
    if (mention.kind === "workflow") {
      put("");
      void begin(agent, go);
    } else {
      const end = mention.start + 1 + mention.query.length;
      const rest = text.slice(end).replace(/^ /, "");
      put(`${text.slice(0, mention.start)}@${agent.name} ${rest}`);
    }
    area.current?.focus();
  };
  const send = () => {
    if (!canSend) {
      if (uploads.isBusy) setRefusal("The files are still on their way");
      else if (/\S/.test(text) || hasContent) setRefusal(refusalOf(text, agents));
      return;
    }
    setRefusal("");
    keepSent(me, place, text);
    onSend({ text: (to ? to.text : text).trim(), files: uploads.files, to: to?.agent ?? null });
    put("");
    uploads.clear();
    area.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    const option = options[chosen];
    if (mention && option) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const step = event.key === "ArrowDown" ? 1 : -1;
        setChosen((chosen + step + options.length) % options.length);
      } else if (event.key === "Enter" || event.key === "Tab") take(option);
      else if (event.key === "Escape") setMention(null);
      else return;
      event.preventDefault();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text === "" && lastSent(me, place)) {
      event.preventDefault();
      put(lastSent(me, place));
    }
  };
  const onPaste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    uploads.add(event.clipboardData.files);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    uploads.add(event.dataTransfer.files);
  };
  const note = to
    ? noteTo(to.agent.name)
    : toEverybody
      ? "Goes to everybody on the mesh"
      : needsAddressee
        ? BEGIN_WITH
        : "Enter sends, Shift-Enter breaks the line";
  return (
    <section
      className={isOver ? "composer over" : "composer"}
      aria-label="Write"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      {mention && options.length > 0 && (
        <div className="composer-options" id={listId} role="listbox" aria-label="Completions">
          {options.map((agent, place) => (
            <Option
              key={agent.token}
              id={`${listId}-${place}`}
              agent={agent}
              kind={mention.kind}
              isChosen={place === chosen}
              onTake={() => take(agent)}
            />
          ))}
        </div>
      )}
      {uploads.all.length > 0 && (
        <ul className="composer-files" aria-label="Files to send">
          {uploads.all.map((one) => (
            <Attached key={one.id} upload={one} onRemove={() => uploads.remove(one.id)} />
          ))}
        </ul>
      )}
      <textarea
        ref={area}
        rows={1}
        value={text}
        aria-label={label}
        placeholder={hint}
        aria-autocomplete="list"
        aria-controls={mention && options.length > 0 ? listId : undefined}
        aria-activedescendant={mention && options.length > 0 ? `${listId}-${chosen}` : undefined}
        onChange={(event) => change(event.target.value, event.target.selectionStart)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
        onBlur={() => setMention(null)}
      />
      <div className="composer-foot">
        <IconButton label="Attach files" onPress={() => picker.current?.click()}>
          <Paperclip size={17} />
        </IconButton>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Files"
          onChange={(event) => {
            uploads.add([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        {modes}
        {!refusal && (
          <span className={toEverybody && !to ? "composer-note loud" : "composer-note"}>
            {toEverybody && !to && <Megaphone size={14} aria-hidden="true" />}
            <span className="truncate">{note}</span>
          </span>
        )}
        <span className="composer-refusal" role="status">
          {refusal}
        </span>
        <Button look="primary" isDisabled={!canSend} onPress={send} aria-label="Send">
          <Send size={16} aria-hidden="true" />
        </Button>
      </div>
    </section>
  );
}

/** Start a workflow, or go to the form that asks for what it needs. */
export async function begin(agent: AgentState, go: (path: string) => void): Promise<void> {
  if (!needsNothing(agent.input_schema)) {
    go(paths.start(agent.token));
    return;
  }
  try {
    const task = await api.start({
      agent: agent.name,
      params: {},
      idempotency_key: crypto.randomUUID(),
    });
    go(paths.task(task.id));
  } catch (error) {
    toast(`${agent.name} was not started: ${asProblem(error).message}`, { bad: true });
  }
}

function Option({
  id,
  agent,
  kind,
  isChosen,
  onTake,
}: {
  id: string;
  agent: AgentState;
  kind: Mention["kind"];
  isChosen: boolean;
  onTake: () => void;
}) {
  const hint = needsNothing(agent.input_schema) ? "starts at once" : "opens its form";
  return (
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      className={isChosen ? "chosen" : ""}
      onMouseDown={(event) => {
        // The text keeps the focus.
        event.preventDefault();
        onTake();
      }}
    >
      {kind === "workflow" ? (
        <Play size={15} aria-hidden="true" />
      ) : (
        <Avatar name={agent.name} size={20} />
      )}
      <b className="truncate">{agent.name}</b>
      <span className="muted truncate">{kind === "workflow" ? hint : agent.description}</span>
      <StatusDot online={agent.online} busy={agent.running > 0} />
    </div>
  );
}

function Attached({ upload, onRemove }: { upload: Upload; onRemove: () => void }) {
  const isOnItsWay = !upload.file && !upload.problem;
  return (
    <li className={upload.problem ? "bad" : ""}>
      <FileText size={15} aria-hidden="true" />
      <span className="composer-file">
        <span className="truncate">{upload.name}</span>
        <small role={upload.problem ? "alert" : undefined}>
          {upload.problem || (isOnItsWay ? "Uploading …" : bytes(upload.size))}
        </small>
        {isOnItsWay && <progress aria-label={`Uploading ${upload.name}`} />}
      </span>
      <IconButton label={`Remove ${upload.name}`} onPress={onRemove}>
        <X size={14} />
      </IconButton>
    </li>
  );
}
