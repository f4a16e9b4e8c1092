import { clock, moment } from "@/core/text";

/** When something happened, on our clock. */
export function Time({ at }: { at: string }) {
  return (
    <time className="tlog-time num" dateTime={at} title={moment(at)}>
      {clock(Date.parse(at))}
    </time>
  );
}
