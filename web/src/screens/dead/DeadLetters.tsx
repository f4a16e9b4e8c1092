/** What could not be worked off: looked at, tried again, thrown away; one by one or many at once. */
import { ArrowLeft, MailCheck, Search } from "lucide-react";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { useLoad, useNarrow, useSlice } from "@/app/hooks";
import { paths } from "@/app/places";
import { toast } from "@/app/toasts";
import { api } from "@/core/api";
import { asProblem } from "@/core/problem";
import type { DeadLetter } from "@/core/protocol";
import { Empty, Failure, Skeleton } from "@/kit";
import { isPlain, isTextField, useKeys } from "@/kit/keys";
import { Bulk } from "./Bulk";
import { discardsOf, UNDO_MS } from "./discards";
import { LetterDetail } from "./LetterDetail";
import { LetterList } from "./LetterList";
import { counted, type Filter, matching, rowsOf } from "./letters";
import { type Letters, useLetters } from "./useLetters";
import "./dead.css";

const PAGE = { current: document.documentElement };

const discards = discardsOf(
  (id) => api.discardLetter(id),
  (id, error) => toast(`${id} was not discarded: ${asProblem(error).message}`, { bad: true }),
);

export function DeadLetters({ id: path }: { id?: string | undefined }) {
  // The router leaves the slash of an id as it is written in the address.
  const id = path?.replaceAll(/%2f/gi, "/");
  const narrow = useNarrow();
  const [, go] = useLocation();
  const loaded = useLetters();
  const hidden = useSlice(discards.hidden);
  const [filter, setFilter] = useState<Filter>({ agent: "", reason: "", text: "" });
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const letters = loaded.letters.filter((one) => !hidden.has(one.id));
  const shown = matching(letters, filter);
  const rows = rowsOf(shown, closed);
  const selected = letters.find((one) => one.id === id || one.task_id === id);

  useEffect(() => {
    window.addEventListener("pagehide", discards.flush);
    return () => {
      window.removeEventListener("pagehide", discards.flush);
      discards.flush();
    };
  }, []);

  const select = (letter: DeadLetter | undefined) =>
    go(letter ? paths.letter(letter.id) : "/dead", { replace: !narrow });
  const discard = (gone: readonly DeadLetter[]) => {
    const undo = discards.discard(gone.map((one) => one.id));
    setPicked(new Set());
    if (gone.some((one) => one.id === id || one.task_id === id)) select(undefined);
    const text = gone.length === 1 ? "One dead letter" : `${gone.length} dead letters`;
    toast(`${text} discarded.`, { action: { name: "Undo", run: undo }, ms: UNDO_MS });
  };

  const retried = (letter: DeadLetter) => {
    loaded.forget([letter.id]);
    select(undefined);
  };

  useKeys(PAGE, (event) => {
    const step = { j: 1, k: -1 }[event.key];
    if (!step || !isPlain(event) || isTextField(event.target)) return;
    const visible = rows.flatMap((row) => (row.kind === "letter" ? [row.letter] : []));
    const at = visible.findIndex((one) => one.id === selected?.id);
    const next = visible[at < 0 ? 0 : Math.min(Math.max(at + step, 0), visible.length - 1)];
    if (next) select(next);
  });

  const list = (
    <div className="dead-list">
      <Head loaded={loaded} letters={letters} filter={filter} onFilter={setFilter} />
      {loaded.problem && <Failure problem={loaded.problem} onRetry={loaded.reload} />}
      {shown.length > 0 && (
        <Bulk
          shown={shown}
          picked={shown.filter((one) => picked.has(one.id))}
          onPick={(all) => setPicked(new Set(all ? shown.map((one) => one.id) : []))}
          onDiscard={discard}
          onDone={loaded.forget}
        />
      )}
      {!loaded.isLoaded && !loaded.problem && <Skeleton lines={8} />}
      {loaded.isLoaded && letters.length === 0 && narrow && <Nothing />}
      {letters.length > 0 && shown.length === 0 && (
        <Empty>No dead letter fits these filters.</Empty>
      )}
      <LetterList
        rows={rows}
        closed={closed}
        picked={picked}
        selected={selected?.id ?? ""}
        hasOlder={loaded.before !== null}
        onOlder={loaded.readOlder}
        onClose={(key) => setClosed(toggled(closed, [key], closed.has(key)))}
        onPick={(ids, isPicked) => setPicked(toggled(picked, ids, !isPicked))}
      />
    </div>
  );
  const detail = (
    <div className="dead-detail scroll">
      {narrow && (
        <Link href="/dead" className="dead-back">
          <ArrowLeft size={16} aria-hidden="true" /> All dead letters
        </Link>
      )}
      {selected ? (
        <LetterDetail
          key={selected.id}
          letter={selected}
          onDiscard={() => discard([selected])}
          onRetried={() => retried(selected)}
        />
      ) : loaded.isLoaded && id && !hidden.has(id) ? (
        <Unlisted key={id} id={id} onDiscard={(letter) => discard([letter])} onRetried={retried} />
      ) : loaded.isLoaded && letters.length === 0 ? (
        <Nothing />
      ) : loaded.isLoaded ? (
        <Empty>Choose one to see what went wrong.</Empty>
      ) : null}
    </div>
  );
  return (
    <section className="screen dead" aria-label="Dead letters">
      {(!narrow || !id) && list}
      {(!narrow || id) && detail}
    </section>
  );
}

/** One that is not on the list, which begins with the newest: it is asked for by itself. */
function Unlisted({
  id,
  onDiscard,
  onRetried,
}: {
  id: string;
  onDiscard: (letter: DeadLetter) => void;
  onRetried: (letter: DeadLetter) => void;
}) {
  const { data: letter, problem, reload } = useLoad((signal) => api.deadLetter(id, signal), [id]);
  if (problem?.status === 404)
    return (
      <Empty>
        There is no dead letter {id} any more: it was retried or discarded, or it is too old to be
        kept. Or it is somebody else's.
      </Empty>
    );
  if (problem) return <Failure problem={problem} onRetry={reload} />;
  if (!letter) return <Skeleton lines={6} />;
  return (
    <LetterDetail
      letter={letter}
      onDiscard={() => onDiscard(letter)}
      onRetried={() => onRetried(letter)}
    />
  );
}

function Head({
  loaded,
  letters,
  filter,
  onFilter,
}: {
  loaded: Letters;
  letters: readonly DeadLetter[];
  filter: Filter;
  onFilter: (filter: Filter) => void;
}) {
  return (
    <header className="dead-head">
      <div className="dead-title">
        <h1>Dead letters</h1>
        {letters.length > 0 && (
          <span className="count">
            {letters.length}
            {loaded.before !== null && "+"}
          </span>
        )}
      </div>
      {loaded.letters.length > 0 && (
        <div className="dead-filters">
          <div className="dead-search">
            <Search size={14} aria-hidden="true" />
            <input
              className="input"
              type="search"
              aria-label="Search dead letters"
              placeholder="Search"
              value={filter.text}
              onChange={(event) => onFilter({ ...filter, text: event.target.value })}
            />
          </div>
          <Choice
            label="Agent"
            all="Every agent"
            values={letters.map((one) => one.agent)}
            value={filter.agent}
            onChange={(agent) => onFilter({ ...filter, agent })}
          />
          <Choice
            label="Reason"
            all="Every reason"
            values={letters.map((one) => one.reason)}
            value={filter.reason}
            onChange={(reason) => onFilter({ ...filter, reason })}
          />
        </div>
      )}
    </header>
  );
}

function Choice({
  label,
  all,
  values,
  value,
  onChange,
}: {
  label: string;
  all: string;
  values: readonly string[];
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <select
      className="input"
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">{all}</option>
      {counted(values).map(([one, count]) => (
        <option key={one} value={one}>
          {one} ({count})
        </option>
      ))}
    </select>
  );
}

function Nothing() {
  return (
    <Empty icon={<MailCheck size={34} />} command="hubbub dead">
      Nothing is dead: all that was sent was worked off. On the command line:
    </Empty>
  );
}

function toggled(
  before: ReadonlySet<string>,
  keys: readonly string[],
  isGone: boolean,
): ReadonlySet<string> {
  const next = new Set(before);
  for (const key of keys)
    if (isGone) next.delete(key);
    else next.add(key);
  return next;
}
