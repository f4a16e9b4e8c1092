/** A list of what is said: it follows the newest, and holds still while one reads further up. */
import { useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import {
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { toast } from "@/app/toasts";
import type { Message } from "@/core/mesh/message";
import type { Outgoing } from "@/core/mesh/outbox";
import { asProblem } from "@/core/problem";
import { day } from "@/core/text";
import { Button } from "@/kit";
import type { Ask } from "./asks";
import { Unfolding } from "./Folded";
import { SHOWN_CHARS } from "./folding";
import { CompactRow, RichRow } from "./MessageRow";
import { AskRow, OutgoingRow } from "./PendingRow";
import { countBehind, type Row, rowsOf, withFront } from "./rows";
import "./message-list.css";

const FIRST = 500;
const STEP = 300;
const NEAR_PX = 24;
const TOP_PX = 400;
const MOST_NEW = 999;
const HEAD_PX = 44;
/** With fewer than that, older pages are read by themselves; only so many of them. */
const FEW = 15;
const MOST_PAGES = 6;

export interface ListProps {
  label: string;
  messages: readonly Message[];
  /** Whether older ones are stored. */
  hasOlder: boolean;
  older: () => Promise<void>;
  fits?: (one: Message) => boolean;
  asks?: readonly Ask[];
  outgoing?: readonly Outgoing[];
  newSince?: number;
  newUntil?: number;
  me: string;
  isRich: (one: Message) => boolean;
  /** Whether rows say whom they are for, where that is not plain from the place. */
  showTo: boolean;
  opened: string;
  onOpen: (message: Message) => void;
  /** Hears whether the newest is in view. */
  onFollow?: (follows: boolean) => void;
  empty: ReactNode;
}

const NO_ASKS: readonly Ask[] = [];
const NO_OUTGOING: readonly Outgoing[] = [];
const ANY = () => true;

export function MessageList({
  label,
  messages,
  hasOlder,
  older,
  fits = ANY,
  asks = NO_ASKS,
  outgoing = NO_OUTGOING,
  newSince = 0,
  newUntil = 0,
  me,
  isRich,
  showTo,
  opened,
  onOpen,
  onFollow,
  empty,
}: ListProps) {
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [held, setHeld] = useState<readonly Message[] | null>(null);
  const [most, setMost] = useState(FIRST);
  const [isLoading, setLoading] = useState(false);
  const fitting = useMemo(
    () => (fits === ANY ? messages : messages.filter(fits)),
    [messages, fits],
  );
  const base = useMemo(() => (held ? withFront(held, fitting) : fitting), [held, fitting]);
  const shown = useMemo(() => base.slice(-most), [base, most]);
  const rows = useMemo(
    () => rowsOf({ messages: shown, asks, outgoing, newSince, newUntil, me, isRich }),
    [shown, asks, outgoing, newSince, newUntil, me, isRich],
  );
  const behind = held ? countBehind(held, fitting, MOST_NEW) : 0;
  const hasMore = base.length > shown.length || hasOlder;
  const rowHeight = useRowHeight(scroller);
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller,
    getItemKey: (place) => rows[place]?.key ?? place,
    estimateSize: (place) => estimate(rows[place], rowHeight),
    anchorTo: "end",
    followOnAppend: held === null,
    // Held, it stays where it is, whatever grows.
    scrollEndThreshold: held === null ? NEAR_PX * 3 : -1,
    overscan: 8,
    paddingStart: HEAD_PX,
    paddingEnd: 12,
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are of another height now
  useLayoutEffect(() => list.measure(), [rowHeight, list]);
  const isEmpty = rows.length === 0;
  useLayoutEffect(() => {
    if (!isEmpty && scroller) list.scrollToEnd();
  }, [isEmpty, scroller, list]);
  // The place for it gets smaller as more is written below.
  const follows = held === null;
  useEffect(() => {
    if (!scroller || !follows) return;
    const observer = new ResizeObserver(() => list.scrollToEnd());
    observer.observe(scroller);
    return () => observer.disconnect();
  }, [scroller, follows, list]);
  // What one says oneself is seen at once.
  const mine = outgoing.length + asks.length;
  const before = useRef(mine);
  useLayoutEffect(() => {
    if (mine > before.current) {
      setHeld(null);
      list.scrollToEnd();
    }
    before.current = mine;
  }, [mine, list]);
  useEffect(() => onFollow?.(follows), [follows, onFollow]);

  const hold = useCallback(() => setHeld((now) => now ?? fitting), [fitting]);
  const follow = () => {
    setHeld(null);
    setMost(FIRST);
    // Once the rows that have come are there.
    requestAnimationFrame(() => list.scrollToEnd());
  };
  const more = () => {
    if (isLoading || !hasMore) return;
    setMost((now) => now + STEP);
    if (base.length >= most + STEP || !hasOlder) return;
    setLoading(true);
    older()
      .catch((error: unknown) => toast(asProblem(error).message, { bad: true }))
      .finally(() => setLoading(false));
  };
  const [pages, setPages] = useState(0);
  const wantsMore = fitting.length < FEW && hasOlder && pages < MOST_PAGES && !isLoading;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page may ask for one more
  useEffect(() => {
    if (!wantsMore) return;
    setPages((now) => now + 1);
    more();
  }, [wantsMore]);
  const top = useRef(0);
  const onScroll = () => {
    const element = scroller;
    if (!element) return;
    const isUp = element.scrollTop < top.current - 1;
    const left = element.scrollHeight - element.scrollTop - element.clientHeight;
    top.current = element.scrollTop;
    if (held === null && isUp && left > NEAR_PX * 2) setHeld(fitting);
    else if (held !== null && behind === 0 && left < NEAR_PX) setHeld(null);
    if (isUp && element.scrollTop < TOP_PX && left > NEAR_PX * 2) more();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const target = event.target as HTMLElement;
    if (step === 0 || !(target === scroller || target.classList.contains("chat-line"))) return;
    event.preventDefault();
    if (held === null) setHeld(fitting);
    moveFocus(scroller, target, step);
  };

  if (isEmpty && !hasMore) return <div className="chat-list-none">{empty}</div>;
  return (
    <div className="chat-list">
      <section
        ref={setScroller}
        className="chat-scroller scroll"
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard, too
        tabIndex={0}
        aria-label={`${label}. The arrow keys move between messages, Enter opens one.`}
      >
        <div className="chat-rows" style={{ height: list.getTotalSize() }}>
          <div className="chat-older">
            {isLoading ? (
              <span className="muted">Loading …</span>
            ) : hasMore ? (
              <Button look="quiet" onPress={more}>
                Show older
              </Button>
            ) : (
              <span className="muted">This is where it begins.</span>
            )}
          </div>
          {isEmpty && !isLoading && <div className="chat-none">{empty}</div>}
          <Unfolding value={hold}>
            {list.getVirtualItems().map((item) => (
              <Placed
                key={item.key}
                item={item}
                row={rows[item.index]}
                measure={list.measureElement}
                showTo={showTo}
                opened={opened}
                onOpen={onOpen}
              />
            ))}
          </Unfolding>
        </div>
      </section>
      {held && (
        <Button look="primary" className="chat-pill" onPress={follow}>
          <ArrowDown size={15} aria-hidden="true" />
          {behind > 0 ? `Paused · ${behind}${behind >= MOST_NEW ? "+" : ""} new` : "To the newest"}
        </Button>
      )}
    </div>
  );
}

function estimate(row: Row | undefined, rowHeight: number): number {
  if (!row) return rowHeight;
  switch (row.kind) {
    case "message":
      if (!row.isRich) return rowHeight;
      return (
        (row.goesOn ? 34 : 64) +
        Math.floor(Math.min(row.message.text.length, SHOWN_CHARS) / 90) * 22
      );
    case "ask":
      return 150;
    case "outgoing":
      return 90;
    default:
      return 36;
  }
}

/** The height of a row of one line, as the style sheet has it. */
function useRowHeight(scroller: HTMLElement | null): number {
  const [height, setHeight] = useState(32);
  useLayoutEffect(() => {
    const element = scroller?.firstElementChild;
    if (!element) return;
    const read = () =>
      setHeight(Number.parseFloat(getComputedStyle(element).getPropertyValue("--chat-line")) || 32);
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller]);
  return height;
}

function moveFocus(scroller: HTMLElement | null, from: HTMLElement, step: number): void {
  const lines = [
    ...(scroller?.querySelectorAll<HTMLElement>(".chat-line, .chat-tools button") ?? []),
  ];
  const place = lines.indexOf(from);
  const to = place < 0 ? lines.at(-1) : lines[place + step];
  to?.focus({ preventScroll: true });
  to?.scrollIntoView({ block: "nearest" });
}

interface PlacedProps {
  item: VirtualItem;
  row: Row | undefined;
  measure: (element: HTMLElement | null) => void;
  showTo: boolean;
  opened: string;
  onOpen: (message: Message) => void;
}

function Placed({ item, row, measure, showTo, opened, onOpen }: PlacedProps) {
  if (!row) return null;
  const isLine = row.kind === "message" && !row.isRich;
  return (
    <div
      className="chat-row"
      data-index={item.index}
      ref={isLine ? null : measure}
      style={{ transform: `translateY(${item.start}px)` }}
    >
      <RowView row={row} showTo={showTo} isOpened={row.key === opened} onOpen={onOpen} />
    </div>
  );
}

function RowView({
  row,
  showTo,
  isOpened,
  onOpen,
}: {
  row: Row;
  showTo: boolean;
  isOpened: boolean;
  onOpen: (message: Message) => void;
}) {
  switch (row.kind) {
    case "day":
      return <p className="chat-mark">{day(row.at)}</p>;
    case "new":
      return <p className="chat-mark new">New</p>;
    case "outgoing":
      return <OutgoingRow outgoing={row.outgoing} />;
    case "ask":
      return <AskRow ask={row.ask} />;
    default:
      return row.isRich ? (
        <RichRow
          message={row.message}
          goesOn={row.goesOn}
          showTo={showTo}
          isOpened={isOpened}
          onOpen={onOpen}
        />
      ) : (
        <CompactRow message={row.message} isOpened={isOpened} onOpen={onOpen} />
      );
  }
}
