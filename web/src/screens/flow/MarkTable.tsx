/** What the lanes show, as rows. */
import { useMemo, useState } from "react";
import { useMesh, useNow } from "@/app/hooks";
import { PEOPLE } from "@/core/mesh/marks";
import type { Mark } from "@/core/swimlane";
import { NAMES } from "@/core/swimlane/describe";
import { clock, duration } from "@/core/text";
import { Badge, Button, Empty } from "@/kit";
import { rowsOf } from "./rows";

const PAGE = 100;

export function MarkTable({
  trace,
  onTrace,
}: {
  trace: string | null;
  onTrace: (trace: string | null) => void;
}) {
  const mesh = useMesh();
  /** All that was there when the table was held still. */
  const [held, setHeld] = useState<readonly Mark[] | null>(null);
  const [most, setMost] = useState(PAGE);
  const turn = useNow(1_000);
  // biome-ignore lint/correctness/useExhaustiveDependencies: marks are looked at every second
  const rows = useMemo(
    () => rowsOf(held ?? mesh.marks.all, trace),
    [held, mesh, trace, held ? 0 : turn],
  );
  const name = (id: string) => (id === PEOPLE ? "People" : (mesh.agents.get(id)?.name ?? id));
  return (
    <div className="marks">
      <div className="marks-bar">
        <span className="muted num">The newest first</span>
        <Button look="quiet" onPress={() => setHeld(held ? null : [...mesh.marks.all])}>
          {held ? "Go on" : "Hold still"}
        </Button>
      </div>
      {rows.length === 0 ? (
        <Empty>
          {trace
            ? "Of this conversation nothing is kept by this page; what is stored of it is beside."
            : "Nothing has been said since this page was opened."}
        </Empty>
      ) : (
        <div className="scroll">
          <table className="marks-table">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Kind</th>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">Took</th>
                <th scope="col">
                  <span className="hidden-label">Conversation</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, most).map((mark) => (
                <tr key={mark.id}>
                  <td className="num">{clock(mark.at)}</td>
                  <td>
                    <Badge tone={mark.failed ? "bad" : mark.kind}>{NAMES[mark.kind]}</Badge>
                  </td>
                  <td>{name(mark.from)}</td>
                  <td>{mark.to ? name(mark.to) : "everybody"}</td>
                  <td className={mark.slow ? "num slow" : "num muted"}>
                    {mark.at > mark.began ? duration(mark.at - mark.began) : "–"}
                  </td>
                  <td>
                    {mark.trace && (
                      <Button
                        look="quiet"
                        onPress={() => onTrace(mark.trace === trace ? null : mark.trace)}
                      >
                        {mark.trace === trace ? "Everything" : "Follow"}
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {rows.length > most && (
            <div className="marks-more">
              <Button onPress={() => setMost(most + PAGE)}>Show older ones</Button>
            </div>
          )}
        </div>
      )}
    </div>
  );
}
