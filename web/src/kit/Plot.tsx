/** Lines over time. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { clock } from "@/core/text";
import "uplot/dist/uPlot.min.css";
import { colorsOf, useScheme } from "./colors";
import "./plot.css";

export interface Line {
  readonly name: string;
  /** A token: `request`, `ok`, … */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

export interface PlotProps {
  /** What it shows, for those who hear it. */
  readonly label: string;
  /** ms since 1970, ascending. */
  readonly times: readonly number[];
  /** The first and the last moment that are shown, so that plots under each other fit together. */
  readonly range: readonly [number, number];
  readonly lines: readonly Line[];
  /** How a value is written. */
  readonly format: (value: number) => string;
  readonly height?: number;
}

export function Plot({ label, times, range, lines, format, height = 180 }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const scheme = useScheme();
  const names = lines.map((line) => `${line.name}:${line.color}`).join("|");
  const latest = useRef({ lines, range, format });
  latest.current = { lines, range, format };

  // biome-ignore lint/correctness/useExhaustiveDependencies: other lines and colours make another plot
  useEffect(() => {
    const box = host.current;
    if (!box) return;
    const shown = latest.current.lines;
    const axes = colorsOf(["line", "text-3"]);
    const found = colorsOf(shown.map((line) => line.color));
    const axis = {
      stroke: axes["text-3"],
      grid: { stroke: axes.line, width: 1 },
      ticks: { show: false },
    };
    const write = (value: number | null) => (value === null ? "–" : latest.current.format(value));
    const made = new uPlot(
      {
        width: box.clientWidth,
        height,
        scales: {
          x: { range: () => [latest.current.range[0] / 1000, latest.current.range[1] / 1000] },
          y: { range: (_, least, most) => [Math.min(0, least), most > 0 ? most * 1.1 : 1] },
        },
        axes: [
          {
            ...axis,
            font: "11px Inter Variable",
            space: 90,
            values: (_, ticks) => ticks.map((at) => clock(at * 1000)),
          },
          {
            ...axis,
            font: "11px Inter Variable",
            size: 58,
            values: (_, ticks) => ticks.map(write),
          },
        ],
        series: [
          { label: "time", value: (_, at) => (at === null ? "–" : clock(at * 1000)) },
          ...shown.map((line) => ({
            label: line.name,
            stroke: found[line.color] ?? "",
            width: 1.6,
            points: { show: false },
            value: (_: uPlot, value: number | null) => write(value),
          })),
        ],
        cursor: { points: { size: 6 }, drag: { x: false, y: false } },
        // The last time of the axis is written whole.
        padding: [null, 30, null, null],
        legend: { live: true },
      },
      [[], ...shown.map(() => [])],
      box,
    );
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height }));
    sizes.observe(box);
    return () => {
      sizes.disconnect();
      plot.current = null;
      made.destroy();
    };
  }, [names, scheme, height]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new plot needs the data, too
  useEffect(() => {
    plot.current?.setData([times.map((at) => at / 1000), ...lines.map((line) => [...line.values])]);
  }, [times, lines, names, scheme]);

  return (
    <div
      className="plot"
      ref={host}
      role="img"
      aria-label={`${label}. ${inWords(lines, format)}`}
    />
  );
}

/** The last value of every line, for those who do not see them. */
function inWords(lines: readonly Line[], format: (value: number) => string): string {
  return lines
    .map(({ name, values }) => {
      const last = values.findLast((value) => value !== null);
      return `${name}: ${last === undefined || last === null ? "none" : format(last)}`;
    })
    .join(", ");
}
