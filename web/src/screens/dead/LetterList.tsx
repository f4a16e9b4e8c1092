/** Dead letters below the agent and the reason that they share. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { paths } from "@/app/places";
import type { DeadLetter } from "@/core/protocol";
import { brief } from "@/core/text";
import { Ago, Avatar, Button } from "@/kit";
import { type Row, subjectOf } from "./letters";
import { useAgentName } from "./useAgentName";
import "@/kit/tick.css";

const GROUP = 58;
const LETTER = 46;

export function LetterList({
  rows,
  closed,
  picked,
  selected,
  hasOlder,
  onOlder,
  onClose,
  onPick,
}: {
  rows: readonly Row[];
  closed: ReadonlySet<string>;
  picked: ReadonlySet<string>;
  selected: string;
  hasOlder: boolean;
  onOlder: () => void;
  onClose: (key: string) => void;
  onPick: (ids: readonly string[], isPicked: boolean) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (ix) => (rows[ix]?.kind === "group" ? GROUP : LETTER),
    getItemKey: (ix) => rows[ix]?.key ?? ix,
    overscan: 10,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: groups and letters differ in height
  useEffect(() => virtual.measure(), [rows.length, virtual]);
  const at = rows.findIndex((row) => row.key === selected);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [at, virtual]);
  return (
    <div ref={scroller} className="dead-rows scroll">
      <ul aria-label="Dead letters" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, key, start, size }) => {
          const row = rows[index];
          if (!row) return null;
          return (
            <li key={key} style={{ transform: `translateY(${start}px)`, height: size }}>
              {row.kind === "group" ? (
                <Group
                  letters={row.letters}
                  isClosed={closed.has(row.key)}
                  picked={picked}
                  onClose={() => onClose(row.key)}
                  onPick={onPick}
                />
              ) : (
                <Letter
                  letter={row.letter}
                  isSelected={row.key === selected}
                  isPicked={picked.has(row.key)}
                  onPick={onPick}
                />
              )}
            </li>
          );
        })}
      </ul>
      {hasOlder && (
        <Button look="quiet" className="dead-older" onPress={onOlder}>
          Read older ones
        </Button>
      )}
    </div>
  );
}

function Group({
  letters,
  isClosed,
  picked,
  onClose,
  onPick,
}: {
  letters: readonly DeadLetter[];
  isClosed: boolean;
  picked: ReadonlySet<string>;
  onClose: () => void;
  onPick: (ids: readonly string[], isPicked: boolean) => void;
}) {
  const [first] = letters;
  const count = letters.filter((one) => picked.has(one.id)).length;
  const name = useAgentName(first?.agent ?? "");
  if (!first) return null;
  const { reason } = first;
  return (
    <div className="dead-group">
      <Tick
        label={`All of ${name}: ${reason}`}
        isPicked={count === letters.length}
        isSome={count > 0 && count < letters.length}
        onPick={(all) =>
          onPick(
            letters.map((one) => one.id),
            all,
          )
        }
      />
      <button type="button" aria-expanded={!isClosed} onClick={onClose}>
        <Avatar name={name} size={24} />
        <span className="dead-group-text">
          <b className="truncate">{name}</b>
          <span className="truncate">{reason}</span>
        </span>
        <span className="count">{letters.length}</span>
        {isClosed ? (
          <ChevronRight size={16} aria-hidden="true" />
        ) : (
          <ChevronDown size={16} aria-hidden="true" />
        )}
      </button>
    </div>
  );
}

function Letter({
  letter,
  isSelected,
  isPicked,
  onPick,
}: {
  letter: DeadLetter;
  isSelected: boolean;
  isPicked: boolean;
  onPick: (ids: readonly string[], isPicked: boolean) => void;
}) {
  const subject = brief(subjectOf(letter), 120);
  return (
    <div className="dead-row" data-selected={isSelected ? "" : undefined}>
      <Tick
        label={`Pick ${subject}`}
        isPicked={isPicked}
        onPick={(next) => onPick([letter.id], next)}
      />
      <Link href={paths.letter(letter.id)} replace aria-current={isSelected ? "true" : undefined}>
        <span className="truncate">{subject}</span>
        <Ago at={letter.at} />
      </Link>
    </div>
  );
}

export function Tick({
  label,
  isPicked,
  isSome = false,
  onPick,
}: {
  label: string;
  isPicked: boolean;
  isSome?: boolean;
  onPick: (isPicked: boolean) => void;
}) {
  return (
    <label className="dead-tick">
      <span className="hidden-label">{label}</span>
      <input
        className="tick"
        type="checkbox"
        ref={(input) => {
          if (input) input.indeterminate = isSome;
        }}
        checked={isPicked}
        onChange={(event) => onPick(event.target.checked)}
      />
    </label>
  );
}
