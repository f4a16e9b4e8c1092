/** The small parts that every screen is made of. */
import { AlertTriangle, Check, Copy } from "lucide-react";
import { type CSSProperties, type ReactNode, useEffect, useState } from "react";
import {
  Button as AriaButton,
  type ButtonProps as AriaButtonProps,
  Dialog as AriaDialog,
  Modal,
  ModalOverlay,
  ToggleButton,
  ToggleButtonGroup,
  Tooltip,
  TooltipTrigger,
} from "react-aria-components";
import { useNow } from "@/app/hooks";
import type { Problem } from "@/core/problem";
import type { Json, TaskState } from "@/core/protocol";
import { age, hue, initials, moment } from "@/core/text";
import "./kit.css";

export interface ButtonProps extends AriaButtonProps {
  look?: "plain" | "primary" | "danger" | "quiet";
}

export function Button({ look = "plain", className, ...props }: ButtonProps) {
  return <AriaButton {...props} className={`button ${look} ${className ?? ""}`} />;
}

/** A button that shows an icon alone; its label is read, and shown when the pointer rests on it. */
export function IconButton({
  label,
  look = "quiet",
  children,
  ...props
}: ButtonProps & { label: string; children: ReactNode }) {
  return (
    <TooltipTrigger delay={400}>
      <Button {...props} look={look} className="icon" aria-label={label}>
        {children}
      </Button>
      <Tooltip className="tooltip" offset={6}>
        {label}
      </Tooltip>
    </TooltipTrigger>
  );
}

/** The mark of an agent; of a person it is round. */
export function Avatar({
  name,
  size = 22,
  person = false,
}: {
  name: string;
  size?: number;
  person?: boolean;
}) {
  const style = { "--size": `${size}px`, "--hue": hue(name) } as CSSProperties;
  return (
    <span className={person ? "avatar person" : "avatar"} style={style} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

/** A name in its colour. */
export function Name({ name }: { name: string }) {
  return (
    <span className="name truncate" style={{ "--hue": hue(name) } as CSSProperties}>
      {name}
    </span>
  );
}

/** Whether an agent is there: a filled dot, a square while it is busy, a ring if it is away. */
export function StatusDot({ online, busy }: { online: boolean; busy: boolean }) {
  const label = !online ? "offline" : busy ? "busy" : "online";
  return (
    <span
      className={`dot ${!online ? "offline" : busy ? "busy" : "online"}`}
      role="img"
      aria-label={label}
    />
  );
}

export function Badge({ tone, children }: { tone?: string; children: ReactNode }) {
  return (
    <span
      className="badge"
      style={tone ? ({ "--tone": `var(--${tone})` } as CSSProperties) : undefined}
    >
      {children}
    </span>
  );
}

const STATE_TONES: { [state in TaskState]: string } = {
  submitted: "text-2",
  working: "accent",
  "input-required": "question",
  "auth-required": "question",
  completed: "ok",
  failed: "bad",
  canceled: "text-3",
  rejected: "warn",
};

const STATE_NAMES: { [state in TaskState]: string } = {
  submitted: "waiting",
  working: "working",
  "input-required": "asks you",
  "auth-required": "needs sign-in",
  completed: "done",
  failed: "failed",
  canceled: "canceled",
  rejected: "rejected",
};

export function StateBadge({ state }: { state: TaskState }) {
  return <Badge tone={STATE_TONES[state]}>{STATE_NAMES[state]}</Badge>;
}

export function Panel({
  title,
  actions,
  children,
  className = "",
}: {
  title: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`panel ${className}`}>
      <header>
        <h2>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

/** Nothing is there: one sentence, and what to do about it. */
export function Empty({
  icon,
  children,
  command,
}: {
  icon?: ReactNode;
  children: ReactNode;
  command?: string;
}) {
  return (
    <div className="empty">
      {icon}
      <p>{children}</p>
      {command && <CopyText text={command} />}
    </div>
  );
}

/** A command to be copied. */
export function CopyText({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <span className="copy">
      <code>{text}</code>
      <IconButton
        label={copied ? "Copied" : "Copy"}
        onPress={() => navigator.clipboard.writeText(text).then(() => setCopied(true))}
      >
        {copied ? <Check size={15} /> : <Copy size={15} />}
      </IconButton>
    </span>
  );
}

/** What went wrong, under which request, and once more. */
export function Failure({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div className="failure" role="alert">
      <AlertTriangle size={18} />
      <div>
        <p>{problem.message}</p>
        {problem.requestId && <small>Request {problem.requestId}</small>}
      </div>
      {onRetry && <Button onPress={onRetry}>Try again</Button>}
    </div>
  );
}

/** Stands where something will be; it shows after 150 ms. */
export function Skeleton({ lines = 5 }: { lines?: number }) {
  const rows = Array.from({ length: lines }, (_, row) => row);
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {rows.map((row) => (
        <span key={row} />
      ))}
    </div>
  );
}

/** How long ago, kept current. */
export function Ago({ at }: { at: string | number | null | undefined }) {
  const now = useNow(1_000);
  if (!at) return <span className="muted">–</span>;
  const iso = typeof at === "number" ? new Date(at).toISOString() : at;
  return (
    <time dateTime={iso} title={moment(at)} className="num">
      {age(at, now)}
    </time>
  );
}

export function Segmented<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly { id: T; name: ReactNode }[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <ToggleButtonGroup
      className="segmented"
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[value]}
      onSelectionChange={(keys) => {
        const [first] = keys;
        if (first !== undefined) onChange(first as T);
      }}
    >
      {options.map(({ id, name }) => (
        <ToggleButton key={id} id={id}>
          {name}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}

/** A dialog over the page; Esc and a press outside close it. */
export function Dialog({
  label,
  isOpen,
  onClose,
  width = 560,
  children,
}: {
  label: string;
  isOpen: boolean;
  onClose: () => void;
  width?: number;
  children: ReactNode;
}) {
  return (
    <ModalOverlay
      className="overlay"
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable
    >
      <Modal className="dialog" style={{ "--width": `${width}px` } as CSSProperties}>
        <AriaDialog aria-label={label}>{children}</AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

export function JsonView({ value }: { value: Json | undefined }) {
  return <pre className="json">{JSON.stringify(value, null, 2)}</pre>;
}
