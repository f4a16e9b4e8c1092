/** Tokens of each model call as bars, one beside the other, and their sum as a line. */
import { useEffect, useState } from "react";
import { compact } from "@/core/text";
import type { Call } from "./cost";

const HEIGHT = 180;
const LEFT = 48;
const RIGHT = 48;
const TOP = 14;
const BOTTOM = 22;
const MOST = 240;

export function TokenPlot({ calls }: { calls: readonly Call[] }) {
  const [box, width] = useWidth(720);
  const shown = calls.slice(-MOST);
  const most = Math.max(1, ...shown.map((call) => call.input + call.output));
  const whole = Math.max(1, shown.at(-1)?.total ?? 1);
  const room = width - LEFT - RIGHT;
  const each = room / shown.length;
  const bar = Math.max(1, Math.min(28, each * 0.7));
  const height = HEIGHT - TOP - BOTTOM;
  const y = (part: number) => TOP + height * (1 - part);
  const x = (index: number) => LEFT + each * (index + 0.5);
  const line = shown.map((call, index) => `${x(index)},${y(call.total / whole)}`).join(" ");
  const last = shown.at(-1);
  return (
    <figure className="token-plot" ref={box}>
      <figcaption>
        <span>
          <i className="token-in" aria-hidden="true" /> in
        </span>
        <span>
          <i className="token-out" aria-hidden="true" /> out, of each call
        </span>
        <span>
          <i className="token-sum" aria-hidden="true" /> in all
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={`Tokens of ${shown.length} model calls; the largest has ${compact(most)}, all together ${compact(whole)}. The table below has the figures.`}
      >
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line className="token-grid" x1={LEFT} x2={width - RIGHT} y1={y(part)} y2={y(part)} />
            <text x={LEFT - 8} y={y(part) + 4} textAnchor="end">
              {compact(Math.round(most * part))}
            </text>
            <text x={width - RIGHT + 8} y={y(part) + 4}>
              {compact(Math.round(whole * part))}
            </text>
          </g>
        ))}
        {shown.map((call, index) => {
          const input = (call.input / most) * height;
          const output = (call.output / most) * height;
          return (
            <g key={call.sequence}>
              <rect
                className="token-in"
                x={x(index) - bar / 2}
                y={TOP + height - input}
                width={bar}
                height={input}
              />
              <rect
                className="token-out"
                x={x(index) - bar / 2}
                y={TOP + height - input - output}
                width={bar}
                height={output}
              />
            </g>
          );
        })}
        {shown.length > 1 && <polyline className="token-sum" points={line} />}
        {last && <circle className="token-sum" cx={x(shown.length - 1)} cy={y(1)} r={3} />}
        <text x={LEFT} y={HEIGHT - 5}>
          {calls.length > MOST ? `last ${MOST} of ${calls.length} calls` : `call 1`}
        </text>
        <text x={width - RIGHT} y={HEIGHT - 5} textAnchor="end">
          call {calls.length}
        </text>
      </svg>
    </figure>
  );
}

const PADDING = 30;

/** The width inside of a box, as it is laid out. */
function useWidth(usual: number): [(box: HTMLElement | null) => void, number] {
  const [box, setBox] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(usual);
  useEffect(() => {
    if (!box) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(240, box.clientWidth - PADDING)));
    observer.observe(box);
    return () => observer.disconnect();
  }, [box]);
  return [setBox, width];
}
