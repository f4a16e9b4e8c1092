import { useNow } from "@/app/hooks";
import { age, moment } from "@/core/text";

/** How long ago, in words that stand in a sentence: `just now`, `3 min ago`. */
export function Since({ at }: { at: string }) {
  const now = useNow(1_000);
  const words = age(at, now);
  return (
    <time dateTime={at} title={moment(at)} className="num">
      {words === "now" ? "just now" : `${words} ago`}
    </time>
  );
}
