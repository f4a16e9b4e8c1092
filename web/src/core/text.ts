/** How things are written out. */
import type { Json } from "./protocol";

/** The subject token of a name: `Weather-Bot` becomes `weather_bot`. */
export function agentToken(name: string): string {
  return name.toLowerCase().replaceAll(/[ -]/g, "_");
}

/** What a content says: text as it is, anything else as JSON. */
export function textOf(content: Json | undefined): string {
  if (content === null || content === undefined) return "";
  return typeof content === "string" ? content : JSON.stringify(content);
}

/** The first line, not longer than so many characters. */
export function brief(text: string, most = 160): string {
  const line = text.trimStart().split("\n", 1)[0] ?? "";
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

const RELATIVE: readonly [number, string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** A length of time in ms, in one unit: `340 ms`, `2.5 s`, `4 min`. */
export function duration(ms: number): string {
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  for (const [unit, name] of RELATIVE) {
    if (ms >= unit) {
      const value = ms / unit;
      return `${value < 10 && name === "s" ? value.toFixed(1) : Math.floor(value)} ${name}`;
    }
  }
  return "0 s";
}

/** How long ago: `now`, `12 s`, `3 min`. */
export function age(at: string | number, now: number): string {
  const ms = now - (typeof at === "number" ? at : Date.parse(at));
  return ms < 1_500 ? "now" : duration(Math.floor(ms / 1000) * 1000).replace(".0", "");
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** The time of day. */
export const clock = (at: number): string => CLOCK.format(at);
/** The day, such as `27 Nov`. */
export const day = (at: number): string => DAY.format(at);
/** Day and time, in full. */
export const moment = (at: string | number): string =>
  WHOLE.format(typeof at === "number" ? at : new Date(at));

const NUMBER = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
/** A number, short: `1.2K`. */
export const compact = (value: number): string =>
  Math.abs(value) < 10_000 ? value.toLocaleString("en") : NUMBER.format(value);

/** A size in bytes: `1.2 MB`. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** A colour for a name, always the same: its hue, 0 to 360. */
export function hue(name: string): number {
  let hash = 2_166_136_261;
  for (const char of agentToken(name))
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619);
  return ((hash >>> 0) * 137.508) % 360;
}

/** One or two letters for a name. */
export function initials(name: string): string {
  const words = name.split(/[\s_-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[1]] : [words[0]?.slice(0, 2)];
  return letters
    .map((word, ix) => (words.length > 1 ? (word?.[0] ?? "") : ix === 0 ? (word ?? "") : ""))
    .join("")
    .toUpperCase();
}
