/** What is stored, and who is how far behind in working it off. */
import type { CSSProperties } from "react";
import type { Health } from "@/core/protocol";
import { bytes, compact } from "@/core/text";
import { Ago, Empty, Panel } from "@/kit";
import { laggards } from "./facts";

const MOST = 4;

export function Streams({ streams }: { streams: Health["streams"] }) {
  const most = Math.max(1, ...streams.flatMap((one) => Object.values(one.lag)));
  return (
    <Panel title="Streams">
      {streams.length === 0 ? (
        <Empty>No stream is there yet: the first agent that joins makes them.</Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard, too
        <div className="health-table scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Stream</th>
                <th scope="col" className="right">
                  Messages
                </th>
                <th scope="col" className="right">
                  Size
                </th>
                <th scope="col" className="right">
                  Oldest
                </th>
                <th scope="col" className="right">
                  Newest
                </th>
                <th scope="col" className="right">
                  Copies
                </th>
                <th scope="col" className="right">
                  Readers
                </th>
                <th scope="col">Behind</th>
              </tr>
            </thead>
            <tbody>
              {streams.map((one) => (
                <tr key={one.name}>
                  <th scope="row">{one.name}</th>
                  <td className="right num">{compact(one.messages)}</td>
                  <td className="right num">{bytes(one.bytes)}</td>
                  <td className="right">
                    <Ago at={one.first_at} />
                  </td>
                  <td className="right">
                    <Ago at={one.last_at} />
                  </td>
                  <td className="right num">{one.replicas}</td>
                  <td className="right num">{one.consumers}</td>
                  <td>
                    <Behind stream={one} most={most} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function Behind({ stream, most }: { stream: Health["streams"][number]; most: number }) {
  const behind = laggards(stream);
  if (behind.length === 0) return <span className="muted">nobody</span>;
  return (
    <ul className="health-lag">
      {behind.slice(0, MOST).map(({ consumer, pending }) => (
        <li key={consumer}>
          <span className="truncate">{consumer}</span>
          <i
            aria-hidden="true"
            style={{ "--part": `${Math.max(2, (pending / most) * 100)}%` } as CSSProperties}
          />
          <span className="num">{compact(pending)}</span>
        </li>
      ))}
      {behind.length > MOST && <li className="muted">and {behind.length - MOST} more</li>}
    </ul>
  );
}
