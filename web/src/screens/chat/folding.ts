/** Where a long text is cut, so that it does not fill the whole list. */

/** What is longer than either is folded. */
const MOST_LINES = 40;
const MOST_CHARS = 6_000;
/** Of that as much is shown: what is folded away has to be worth a button. */
const SHOWN_LINES = 30;
export const SHOWN_CHARS = 4_500;

/** The beginning of a long text, null of one that is short enough. No more of it is looked at than
 *  would be shown. */
export function beginningOf(text: string): string | null {
  if (text.length <= MOST_CHARS && lineEnd(text, MOST_LINES) < 0) return null;
  const end = lineEnd(text, SHOWN_LINES);
  if (end >= 0 && end <= SHOWN_CHARS) return text.slice(0, end);
  const near = text.slice(0, SHOWN_CHARS);
  // At the end of a line, or of a word, if there is one near; never within a character.
  const at = Math.max(near.lastIndexOf("\n"), near.lastIndexOf(" "));
  return at > SHOWN_CHARS / 2 ? near.slice(0, at) : near.replace(/[\uD800-\uDBFF]$/, "");
}

/** Where the line of that number ends, if something but blank comes behind it; else -1. */
function lineEnd(text: string, lines: number): number {
  let at = -1;
  for (let line = 0; line < lines; line += 1) {
    at = text.indexOf("\n", at + 1);
    if (at < 0 || at > MOST_CHARS) return -1;
  }
  return /\S/.test(text.slice(at, MOST_CHARS)) ? at : -1;
}

/** How large a text is as it is sent, in bytes. */
export const sizeOf = (text: string): number => new TextEncoder().encode(text).length;
