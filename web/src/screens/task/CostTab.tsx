/** What the task used of models, and what that cost. */
import { useMemo } from "react";
import { useLoad } from "@/app/hooks";
import { api } from "@/core/api";
import { clock, compact } from "@/core/text";
import { Empty } from "@/kit";
import { dollars } from "../tasks/rows";
import { callsOf, priceOf } from "./cost";
import { TokenPlot } from "./TokenPlot";
import type { Shown } from "./useTask";
import "./cost.css";

const MOST = 500;

export function CostTab({ shown }: { shown: Shown }) {
  const { events, view } = shown;
  const calls = useMemo(() => callsOf(events), [events]);
  const { requests, input, output } = view.usage;
  const { data } = useLoad((signal) => api.prices(signal), []);
  const cost = priceOf(calls, data?.prices ?? {});
  if (calls.length === 0 && input + output === 0)
    return <Empty>No model calls are on record.</Empty>;
  return (
    <div className="task-body scroll">
      <dl className="cost-sums">
        <div>
          <dt>Model calls</dt>
          <dd className="num">{requests.toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>Tokens in</dt>
          <dd className="num">{input.toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>Tokens out</dt>
          <dd className="num">{output.toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>Cost</dt>
          <dd className="num">{cost === null ? "–" : dollars(cost)}</dd>
          {cost === null && <small className="muted">Prices: HUBBUB_GATEWAY_PRICES_FILE</small>}
        </div>
      </dl>
      {calls.length > 0 && (
        <>
          <TokenPlot calls={calls} />
          <table className="task-table">
            <thead>
              <tr>
                <th scope="col">At</th>
                <th scope="col">Model</th>
                <th scope="col" className="task-figure">
                  In
                </th>
                <th scope="col" className="task-figure">
                  Out
                </th>
                <th scope="col" className="task-figure">
                  In all
                </th>
              </tr>
            </thead>
            <tbody>
              {calls.slice(-MOST).map((call) => (
                <tr key={call.sequence}>
                  <td className="num">{clock(call.at)}</td>
                  <td>{call.model || <span className="muted">–</span>}</td>
                  <td className="task-figure">{call.input.toLocaleString("en")}</td>
                  <td className="task-figure">{call.output.toLocaleString("en")}</td>
                  <td className="task-figure">{compact(call.total)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </div>
  );
}
