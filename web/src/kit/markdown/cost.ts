/** Text that would hold up the page for seconds while its marks are read. */

/** Beyond this a text is shown as it is. */
const MOST = 100_000;
/** The parser takes the square of these, in each paragraph. */
const MOST_EMPHASIS = 1_500;
/** And more than the square of how deep quotes and lists stand in each other. */
const TOO_DEEP = /^(?:[ \t]*(?:>|(?:[*+-]|\d{1,9}[.)])[ \t])){31}|^[ \t]{160}/m;

/** Whether a text is better shown as it is than parsed. */
export function isCostly(text: string): boolean {
  if (text.length > MOST || TOO_DEEP.test(text)) return true;
  let count = 0;
  for (let ix = 0; ix < text.length; ix += 1) {
    const char = text[ix];
    if (char === "*" || char === "_") count += 1;
    else if (char === "\n" && text[ix + 1] === "\n") count = 0;
    if (count > MOST_EMPHASIS) return true;
  }
  return false;
}
