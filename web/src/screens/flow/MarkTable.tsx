/** What the lanes show, as rows. */
import { useMemo, useRef, useState } from "react";
import { useMesh, useNow } from "@/app/hooks";
import { PEOPLE } from "@/core/mesh/marks";
import type { Mark } from "@/core/swimlane";
import { NAMES } from "@/core/swimlane/describe";
import { clock, duration } from "@/core/text";
import { Badge, Button, Empty } from "@/kit";

const PAGE = 100;

export function MarkTable({
  trace,
  onTrace,
}: {
  trace: string | null;
  onTrace: (trace: string | null) => void;
}) {
  const mesh = useMesh();
  const [held, setHeld] = useState(false);
  const [most, setMost] = useState(PAGE);
  const turn = useNow(1_000);
  const last = useRef<readonly Mark[]>([]);
  const rows = useMemo(() => {
    if (held && turn) return last.current;
    const all = trace ? mesh.marks.all.filter((mark) => mark.trace === trace) : mesh.marks.all;
    last.current = all.slice(-5_000).reverse();
    return last.current;
  }, [mesh, trace, turn, held]);
  if (rows.length === 0) return <Empty>Nothing has been said since this page was opened.</Empty>;
  const name = (id: string) => (id === PEOPLE ? "People" : (mesh.agents.get(id)?.name ?? id));
  return (
    <div className="marks">
      <div className="marks-bar">
        <span className="muted num">The newest first</span>
        <Button look="quiet" onPress={() => setHeld(!held)}>
          {held ? "Go on" : "Hold still"}
        </Button>
      </div>
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
    </div>
  );
}
