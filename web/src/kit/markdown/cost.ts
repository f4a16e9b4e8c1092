/** Text that would hold up the page for seconds while its marks are read. */

/** Beyond this a text is shown as it is. */
const MOST = 100_000;
/** The parser takes the square of these, in each paragraph. */
const MOST_EMPHASIS = 1_500;
/** The font takes the square of these to set a word that has no end. */
const MOST_SIGNS = 1_000;
/** And the parser more than the square of how deep quotes and lists stand in each other. */
const TOO_DEEP = /^(?:[ \t]*(?:>|(?:[*+-]|\d{1,9}[.)])[ \t])){31}|^[ \t]{160}/m;
/** Those of base64 are none: pictures are written so. */
const SIGN = /[!-*,-.:-<>-@[-`{-~]/;

/** Whether a text is better shown as it is than parsed. */
export function isCostly(text: string): boolean {
  if (text.length > MOST || TOO_DEEP.test(text)) return true;
  let emphasis = 0;
  let signs = 0;
  for (let ix = 0; ix < text.length; ix += 1) {
    const char = text[ix] ?? "";
    if (char === "*" || char === "_") emphasis += 1;
    if (SIGN.test(char)) signs += 1;
    else if (char === " " || char === "\n") {
      signs = 0;
      if (char === "\n" && text[ix + 1] === "\n") emphasis = 0;
    }
    if (emphasis > MOST_EMPHASIS || signs > MOST_SIGNS) return true;
  }
  return false;
}
